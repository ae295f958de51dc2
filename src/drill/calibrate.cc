#include "drill/calibrate.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/mix.h"
#include "base/random.h"
#include "drill/observer.h"
#include "drill/simulation.h"
#include "guard/evidence/cluster_table.h"
#include "parallel/thread_pool.h"

namespace holdfast::drill {
namespace {

constexpr double kMomentWeight = 10;  // Of all rows of one moment, beside the penalty of the fit.

// Feeds the evidence as a gateway would and takes a picture of it at each moment.
class RowCollector final : public Observer {
 public:
  explicit RowCollector(const LabelledIncident& incident)
      : incident_(incident), table_({}, incident.scenario.seed) {}

  void OnKnown(const guard::Caller& caller) override { table_.Remember(caller); }
  void OnRequest(const guard::RequestFacts& facts, const Answer& answer,
                 const Truth& truth) override {
    Note(facts.caller, truth);
    table_.OnRequest(facts, {answer.refusal, answer.retry_after}, facts.time);
  }
  void OnOutcome(const guard::RequestFacts&, const guard::OutcomeFacts& outcome,
                 const Truth&) override {
    table_.OnOutcome(outcome);
  }
  void OnConnection(const guard::ConnectionFacts& facts, const Truth& truth) override {
    Note(facts.caller, truth);
    table_.OnConnection(facts);
  }
  void OnSecond(Time now) override {
    if (moment_ < kMoments.size() &&
        now >= incident_.onset + guard::FromSeconds(kMoments[moment_])) {
      TakePicture();
    }
  }

  std::vector<CalibrationRow> Finish() {
    moment_ = kMoments.size();
    TakePicture();
    return std::move(rows_);
  }

 private:
  void Note(const guard::Caller& caller, const Truth& truth) {
    kinds_.emplace(caller.client(), truth.kind);
  }

  void TakePicture() {
    const auto clients = table_.clients();
    const std::size_t one_in = 1 + clients.size() / kRowsPerMomentMax;
    const std::size_t first = rows_.size();
    for (const guard::ClientFeatures& client : clients) {
      if (Mix64(client.client, incident_.seed) % one_in != 0) continue;
      const CallerKind kind = kinds_.at(client.client);
      rows_.push_back({.row = {.evidence = guard::Scorer::Observe(table_, client),
                               .is_hostile = IsHostile(kind)},
                       .kind = kind,
                       .seed = incident_.seed,
                       .moment = static_cast<std::uint8_t>(moment_)});
    }
    for (std::size_t i = first; i < rows_.size(); ++i) {
      rows_[i].row.weight = static_cast<float>(kMomentWeight / (rows_.size() - first));
    }
    ++moment_;
  }

  const LabelledIncident& incident_;
  guard::ClusterTable table_;
  std::unordered_map<std::uint64_t, CallerKind> kinds_;  // Looked up, never walked.
  std::vector<CalibrationRow> rows_;
  std::size_t moment_ = 0;
};

constexpr std::array kCheapAttacks = {CallerKind::kStuffing,       CallerKind::kSlowHead,
                                      CallerKind::kSlowBody,       CallerKind::kSlowRead,
                                      CallerKind::kHandshakeFlood, CallerKind::kStreamResets,
                                      CallerKind::kSignUpFlood};

// Replaces the cause of an incident by an attack that costs no tokens.
void MakeCheapAttack(LabelledIncident& incident) {
  Scenario& scenario = incident.scenario;
  scenario.faults.clear();
  const std::uint64_t dice = Mix64(incident.seed, 2);
  Attack attack{.kind = kCheapAttacks[dice % kCheapAttacks.size()],
                .start = incident.onset,
                .end = Time(scenario.length) - std::chrono::seconds(45)};
  attack.sources = 200 + static_cast<std::uint32_t>(Mix64(dice, 1) % 4000);
  attack.rate_per_s = attack.sources / (2.0 + static_cast<double>(Mix64(dice, 2) % 20));
  attack.fingerprints = 1 + static_cast<std::uint32_t>(Mix64(dice, 3) % 20);
  scenario.attacks.push_back(attack);
}

// Programs that nobody has seen before, each at `rate_per_s` from `start` on.
Programs NewPrograms(std::uint32_t count, double rate_per_s, Duration start) {
  Programs programs{.count = count, .standing = guard::Standing::kNew};
  if (start > Duration(0)) programs.windows.push_back({.length = start});
  programs.windows.push_back({.length = std::chrono::hours(1),
                              .rate_per_s = rate_per_s,
                              .law = ArrivalLaw::kGamma,
                              .shape = 0.5});
  return programs;
}

// Honest callers who look like attackers: new programs, ordinary ones and a surge of them beside a
// crowd, and crowds from networks where many people share an address.
void AddLookAlikes(LabelledIncident& incident) {
  Scenario& scenario = incident.scenario;
  Random dice(Mix64(incident.seed, 3));
  const auto some = [&](double low, double high) { return low + (high - low) * dice.Uniform(); };
  scenario.programs.push_back(
      NewPrograms(static_cast<std::uint32_t>(some(10, 150)), some(0.003, 0.02), Duration(0)));
  for (FlashCrowd& crowd : scenario.crowds) {
    if (dice.Uniform() < 0.4) {
      crowd.visitor.people_per_address = static_cast<std::uint32_t>(some(2, 40));
    }
    if (dice.Uniform() < 0.4) {
      scenario.programs.push_back(NewPrograms(static_cast<std::uint32_t>(some(30, 400)),
                                              some(0.005, 0.05), crowd.start.time_since_epoch()));
    }
  }
}

}  // namespace

LabelledIncident DraftForCalibration(std::uint64_t seed, const IncidentTraffic& traffic) {
  static constexpr std::array kClasses = {IncidentClass::kAttack,      IncidentClass::kCrowd,
                                          IncidentClass::kMixed,       IncidentClass::kAttack,
                                          IncidentClass::kCrowd,       IncidentClass::kMixed,
                                          IncidentClass::kLostCapacity};
  const std::uint64_t turn = seed % (kClasses.size() + 1);
  const bool is_cheap = turn == kClasses.size();
  LabelledIncident incident = DraftIncident(
      Mix64(seed, 1), is_cheap ? IncidentClass::kLostCapacity : kClasses[turn], traffic);
  incident.seed = seed;
  if (is_cheap) MakeCheapAttack(incident);
  AddLookAlikes(incident);
  return incident;
}

std::vector<CalibrationRow> CollectRows(const LabelledIncident& incident) {
  RowCollector collector(incident);
  Simulate(incident.scenario, &collector);
  return collector.Finish();
}

std::vector<CalibrationRow> CollectRows(std::uint64_t first, std::uint64_t last,
                                        const std::vector<IncidentTraffic>& traffics, int threads) {
  const std::uint64_t seeds = last - first + 1;
  std::vector<std::vector<CalibrationRow>> by_incident(seeds * traffics.size());
  parallel::ThreadPool pool(threads);
  pool.Run(static_cast<std::int64_t>(by_incident.size()), [&](std::int64_t task, int) {
    const auto number = static_cast<std::uint64_t>(task);
    const LabelledIncident incident =
        DraftForCalibration(first + number % seeds, traffics[number / seeds]);
    by_incident[number] = CollectRows(incident);
  });
  std::vector<CalibrationRow> rows;
  for (const auto& some : by_incident) rows.insert(rows.end(), some.begin(), some.end());
  return rows;
}

CalibrationReport Evaluate(const std::vector<CalibrationRow>& rows,
                           const guard::Calibration& calibration) {
  CalibrationReport report;
  if (rows.empty()) return report;
  report.first_seed = rows.front().seed;
  report.last_seed = rows.back().seed;
  std::vector<Prediction> all;
  std::array<std::vector<Prediction>, kMoments.size() + 1> by_moment;
  double visitors = 0;
  double visitors_accused = 0;
  for (const CalibrationRow& row : rows) {
    const double odds = guard::LogOdds(row.row.evidence, calibration);
    const Prediction prediction{.probability = guard::ProbabilityOf(odds),
                                .is_hostile = row.row.is_hostile,
                                .weight = row.row.weight};
    all.push_back(prediction);
    by_moment[row.moment].push_back(prediction);
    if (row.kind == CallerKind::kVisitor) {
      visitors += 1;
      visitors_accused += odds > 0 ? 1 : 0;
    }
    if (row.moment != kMoments.size()) continue;
    KindCalibration& kind = report.kinds[static_cast<std::size_t>(row.kind)];
    kind.clients += 1;
    kind.mean_probability += prediction.probability;
    kind.accused_share += odds > 0 ? 1 : 0;
  }
  for (KindCalibration& kind : report.kinds) {
    if (kind.clients == 0) continue;
    kind.mean_probability /= kind.clients;
    kind.accused_share /= kind.clients;
  }
  for (std::size_t moment = 0; moment < by_moment.size(); ++moment) {
    report.brier[moment] = BrierScore(by_moment[moment]);
  }
  report.brier_mean = BrierScore(all);
  report.curve = ReliabilityCurve(all);
  report.calibration_error = CalibrationError(report.curve);
  report.crowd_accused_share = visitors > 0 ? visitors_accused / visitors : 0;
  return report;
}

guard::Calibration FitCalibration(const std::vector<CalibrationRow>& rows, double l2,
                                  std::optional<guard::Detector> without) {
  std::vector<LabelledRow> labelled;
  labelled.reserve(rows.size());
  for (const CalibrationRow& row : rows) labelled.push_back(row.row);
  FitOptions options{.l2 = l2, .centre = guard::kCoefficientsBeforeFit};
  if (without) {
    const auto number = static_cast<std::size_t>(*without);
    options.centre[number] = 0;
    for (LabelledRow& row : labelled) row.evidence[number] = 0;
  }
  const FittedCoefficients fit = FitCoefficients(labelled, options);
  return {.prior = fit.prior,
          .coefficient = fit.coefficient,
          .family_max = guard::kCalibration.family_max};
}

std::optional<guard::Calibration> InForceWithout(std::string_view detector) {
  for (int i = 0; i < guard::kDetectorCount; ++i) {
    if (guard::DetectorWord(static_cast<guard::Detector>(i)) != detector) continue;
    guard::Calibration calibration = guard::kCalibration;
    calibration.coefficient[static_cast<std::size_t>(i)] = 0;
    return calibration;
  }
  return std::nullopt;
}

std::string CalibrationToText(const guard::Calibration& calibration) {
  std::string text =
      fmt::format("    .prior = {:.3f},\n    .coefficient = {{\n", calibration.prior);
  for (int i = 0; i < guard::kDetectorCount; ++i) {
    text += fmt::format("        {:.3f},  // {}\n",
                        calibration.coefficient[static_cast<std::size_t>(i)],
                        guard::DetectorWord(static_cast<guard::Detector>(i)));
  }
  return text + "    },\n";
}

json::Object CalibrationToJson(const guard::Calibration& calibration) {
  json::Object coefficients;
  for (int i = 0; i < guard::kDetectorCount; ++i) {
    coefficients[guard::DetectorWord(static_cast<guard::Detector>(i))] =
        calibration.coefficient[static_cast<std::size_t>(i)];
  }
  return {{"prior", calibration.prior}, {"coefficients", std::move(coefficients)}};
}

std::string ReportToText(const CalibrationReport& report) {
  std::string text = fmt::format("seeds {}..{}\nbrier {:.4f}  by moment", report.first_seed,
                                 report.last_seed, report.brier_mean);
  for (const double brier : report.brier) text += fmt::format(" {:.4f}", brier);
  text += fmt::format("\ncalibration error {:.4f}  visitors of crowds accused {:.4f}\n",
                      report.calibration_error, report.crowd_accused_share);
  for (const ReliabilityBin& bin : report.curve) {
    text += fmt::format("  stated {:.3f}  hostile {:.3f}  weight {:.1f}\n", bin.stated, bin.hostile,
                        bin.weight);
  }
  for (int i = 0; i < kCallerKindCount; ++i) {
    const KindCalibration& kind = report.kinds[static_cast<std::size_t>(i)];
    if (kind.clients == 0) continue;
    text += fmt::format("  {:18} clients {:7.0f}  mean {:.3f}  accused {:.3f}\n",
                        CallerKindWord(static_cast<CallerKind>(i)), kind.clients,
                        kind.mean_probability, kind.accused_share);
  }
  return text;
}

json::Object ReportToJson(const CalibrationReport& report) {
  json::Object kinds;
  for (int i = 0; i < kCallerKindCount; ++i) {
    const KindCalibration& kind = report.kinds[static_cast<std::size_t>(i)];
    if (kind.clients == 0) continue;
    kinds[CallerKindWord(static_cast<CallerKind>(i))] =
        json::Object{{"clients", kind.clients},
                     {"mean_probability", kind.mean_probability},
                     {"accused_share", kind.accused_share}};
  }
  json::Object by_moment;
  for (std::size_t i = 0; i < kMoments.size(); ++i) {
    by_moment[fmt::format("{:.0f}_s", kMoments[i])] = report.brier[i];
  }
  by_moment["end"] = report.brier.back();
  json::Array curve;
  for (const ReliabilityBin& bin : report.curve) {
    curve.push_back(
        json::Object{{"stated", bin.stated}, {"hostile", bin.hostile}, {"weight", bin.weight}});
  }
  return {{"first_seed", report.first_seed},
          {"last_seed", report.last_seed},
          {"brier", report.brier_mean},
          {"brier_by_moment", std::move(by_moment)},
          {"calibration_error", report.calibration_error},
          {"crowd_accused_share", report.crowd_accused_share},
          {"curve", std::move(curve)},
          {"kinds", std::move(kinds)}};
}

}  // namespace holdfast::drill
