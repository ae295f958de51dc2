#include "drill/score.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "charts/chart.h"
#include "drill/simulation.h"
#include "parallel/thread_pool.h"

namespace holdfast::drill {
namespace {

// Seconds over which a loss is seen, so that one unlucky request is none.
constexpr int kLossWindow = 5;

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const double at = share * static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(std::lround(at))];
}

// The first moment, from `onset` on, at which honest people lost more than kLossShare.
std::optional<Time> LossOnset(const SimulationResult& result, Time onset) {
  const auto first = static_cast<std::size_t>(guard::ToSeconds(onset));
  for (std::size_t second = first; second < result.seconds.size(); ++second) {
    double wishes = 0, good = 0;
    const std::size_t last = std::min(second + kLossWindow, result.seconds.size());
    for (std::size_t i = second; i < last; ++i) {
      wishes += result.seconds[i].honest_wishes;
      good += result.seconds[i].honest_good;
    }
    if (wishes > 0 && (wishes - good) / wishes > kLossShare) {
      return guard::AtSeconds(static_cast<double>(second));
    }
  }
  return std::nullopt;
}

double ShareError(const JudgedCase& judged) {
  double sum = 0;
  for (int cause = 0; cause < verdict::kCauseCount; ++cause) {
    sum += std::abs(judged.shares[cause] - judged.true_shares[cause]);
  }
  return 100 * sum / verdict::kCauseCount;
}

void SetCalibration(const std::vector<ScoredClient>& clients, JudgedCase& judged) {
  std::vector<Prediction> predictions;
  predictions.reserve(clients.size());
  for (const ScoredClient& client : clients) {
    predictions.push_back({.probability = client.probability, .is_hostile = client.is_hostile});
  }
  judged.brier = BrierScore(predictions);
  judged.reliability = ReliabilityCurve(predictions, kReliabilityBins);
}

// One curve of several, each bin by its weight.
std::vector<ReliabilityBin> Merge(const std::vector<JudgedCase>& cases) {
  std::array<ReliabilityBin, kReliabilityBins> sums{};
  for (const JudgedCase& judged : cases) {
    for (const ReliabilityBin& bin : judged.reliability) {
      const int at =
          std::clamp(static_cast<int>(bin.stated * kReliabilityBins), 0, kReliabilityBins - 1);
      sums[at].stated += bin.stated * bin.weight;
      sums[at].hostile += bin.hostile * bin.weight;
      sums[at].weight += bin.weight;
    }
  }
  std::vector<ReliabilityBin> curve;
  curve.reserve(kReliabilityBins);
  for (const ReliabilityBin& sum : sums) {
    if (sum.weight == 0) continue;
    curve.push_back({sum.stated / sum.weight, sum.hostile / sum.weight, sum.weight});
  }
  return curve;
}

void SetVerdicts(const JudgedIncident& worst, std::optional<Time> loss_onset, JudgedCase& judged) {
  const verdict::Verdict& final_verdict = worst.verdicts.back();
  judged.was_noticed = true;
  judged.label = final_verdict.label;
  judged.why_unknown = final_verdict.why_unknown;
  judged.fidelity = final_verdict.fidelity;
  judged.has_shares = final_verdict.label != verdict::Label::kUnknown &&
                      judged.incident_class != IncidentClass::kUnknown;
  for (int cause = 0; cause < verdict::kCauseCount; ++cause) {
    judged.shares[cause] = final_verdict.shares[cause].median;
    judged.shares_low[cause] = final_verdict.shares[cause].low;
    judged.shares_high[cause] = final_verdict.shares[cause].high;
  }
  for (const verdict::Verdict& verdict : worst.verdicts) {
    const bool says_something = verdict.label != verdict::Label::kUnknown ||
                                judged.incident_class == IncidentClass::kUnknown;
    if (judged.first_verdict_s < 0 && says_something && loss_onset) {
      judged.first_verdict_s = std::max(0.0, guard::ToSeconds(verdict.time - *loss_onset));
    }
  }
}

void SetF1(Score& score) {
  double sum = 0;
  int classes = 0;
  for (int incident_class = 0; incident_class < kIncidentClassCount; ++incident_class) {
    const int label = static_cast<int>(LabelOf(static_cast<IncidentClass>(incident_class)));
    int right = score.confusion[incident_class][label], of_class = 0, of_label = 0;
    for (int i = 0; i < verdict::kLabelCount; ++i) of_class += score.confusion[incident_class][i];
    for (int i = 0; i < kIncidentClassCount; ++i) of_label += score.confusion[i][label];
    if (of_class + of_label == 0) continue;
    score.f1[incident_class] = 2.0 * right / (of_class + of_label);
    sum += *score.f1[incident_class];
    ++classes;
  }
  score.macro_f1 = classes == 0 ? 0 : sum / classes;
}

std::string_view ClassWord(int incident_class) {
  return IncidentClassWord(static_cast<IncidentClass>(incident_class));
}

std::string_view LabelWordAt(int label) {
  return verdict::LabelWord(static_cast<verdict::Label>(label));
}

json::Object SharesToJson(const verdict::CauseValues& shares) {
  json::Object object;
  for (int cause = 0; cause < verdict::kCauseCount; ++cause) {
    object[verdict::CauseWord(static_cast<verdict::Cause>(cause))] = shares[cause];
  }
  return object;
}

}  // namespace

JudgedCase JudgeIncident(const LabelledIncident& incident, const guard::Calibration& calibration) {
  LiveJudgeOptions options = LiveJudgeOptions::For(incident);
  options.calibration = calibration;
  LiveJudge judge(incident.scenario, options);
  const SimulationResult result = Simulate(incident.scenario, &judge);
  const Time end(incident.scenario.length);
  judge.Finish(end);
  JudgedCase judged;
  judged.seed = incident.seed;
  judged.incident_class = incident.incident_class;
  judged.true_shares = incident.shares;
  judged.lost = incident.lost;
  for (const JudgedIncident& one : judge.incidents()) {
    for (const verdict::Verdict& verdict : one.verdicts) {
      judged.ever_claimed_attack |= verdict.label == verdict::Label::kAttack;
    }
  }
  SetCalibration(judge.ScoreClients(end), judged);
  if (const JudgedIncident* worst = judge.worst(); worst != nullptr) {
    SetVerdicts(*worst, LossOnset(result, incident.onset), judged);
  }
  return judged;
}

Score ScoreCases(const std::vector<JudgedCase>& cases, int not_made) {
  Score score;
  score.incidents = static_cast<int>(cases.size());
  score.not_made = not_made;
  std::vector<double> errors, times, briers;
  for (const JudgedCase& judged : cases) {
    ++score.confusion[static_cast<int>(judged.incident_class)][static_cast<int>(judged.label)];
    if (judged.has_shares) errors.push_back(ShareError(judged));
    if (judged.incident_class == IncidentClass::kCrowd) {
      ++score.crowds;
      score.crowds_called_attack += judged.ever_claimed_attack ? 1 : 0;
    }
    if (judged.first_verdict_s >= 0) {
      times.push_back(judged.first_verdict_s);
    } else {
      ++score.without_verdict;
    }
    briers.push_back(judged.brier);
  }
  score.reliability = Merge(cases);
  score.calibration_error = CalibrationError(score.reliability);
  SetF1(score);
  score.share_cases = static_cast<int>(errors.size());
  score.share_error_mean = Mean(errors);
  score.share_error_p95 = Quantile(errors, 0.95);
  score.first_verdict_median_s = Quantile(times, 0.5);
  score.first_verdict_p95_s = Quantile(times, 0.95);
  score.brier = Mean(briers);
  return score;
}

std::vector<JudgedCase> JudgeSeeds(std::uint64_t first, std::uint64_t last,
                                   const IncidentTraffic& traffic,
                                   const guard::Calibration& calibration, int threads,
                                   int& not_made,
                                   const std::function<void(const JudgedCase&)>& on_case) {
  std::vector<JudgedCase> cases;
  not_made = 0;
  parallel::ThreadPool pool(threads);
  const std::uint64_t batch = static_cast<std::uint64_t>(pool.worker_count()) * 4;
  for (std::uint64_t from = first; from <= last; from += batch) {
    const std::uint64_t count = std::min(batch, last - from + 1);
    std::vector<std::optional<JudgedCase>> judged(count);
    pool.Run(static_cast<std::int64_t>(count), [&](std::int64_t task, int) {
      const auto incident = MakeIncident(from + static_cast<std::uint64_t>(task), traffic);
      if (incident) judged[static_cast<std::size_t>(task)] = JudgeIncident(*incident, calibration);
    });
    for (std::optional<JudgedCase>& one : judged) {
      if (!one) {
        ++not_made;
        continue;
      }
      if (on_case) on_case(*one);
      cases.push_back(std::move(*one));
    }
  }
  return cases;
}

json::Object CaseToJson(const JudgedCase& judged) {
  json::Object object{{"seed", judged.seed},
                      {"class", IncidentClassWord(judged.incident_class)},
                      {"label", verdict::LabelWord(judged.label)},
                      {"why_unknown", verdict::WhyUnknownWord(judged.why_unknown)},
                      {"noticed", judged.was_noticed},
                      {"lost_requests", judged.lost},
                      {"fidelity", judged.fidelity},
                      {"first_verdict_s", judged.first_verdict_s},
                      {"brier", judged.brier},
                      {"true_shares", SharesToJson(judged.true_shares)}};
  if (judged.has_shares) {
    object["shares"] = SharesToJson(judged.shares);
    object["shares_low"] = SharesToJson(judged.shares_low);
    object["shares_high"] = SharesToJson(judged.shares_high);
    object["share_error_points"] = ShareError(judged);
  }
  return object;
}

json::Object ScoreToJson(const Score& score) {
  json::Object confusion, f1;
  for (int incident_class = 0; incident_class < kIncidentClassCount; ++incident_class) {
    json::Object row;
    for (int label = 0; label < verdict::kLabelCount; ++label) {
      row[LabelWordAt(label)] = score.confusion[incident_class][label];
    }
    confusion[ClassWord(incident_class)] = row;
    const std::optional<double>& value = score.f1[incident_class];
    f1[ClassWord(incident_class)] = value ? json::Value(*value) : nullptr;
  }
  json::Array reliability;
  for (const ReliabilityBin& bin : score.reliability) {
    reliability.push_back(json::Object{
        {"clients", bin.weight}, {"predicted", bin.stated}, {"observed", bin.hostile}});
  }
  const double crowds = std::max(score.crowds, 1);
  return {{"incidents", score.incidents},
          {"not_made", score.not_made},
          {"macro_f1", score.macro_f1},
          {"f1", f1},
          {"confusion", confusion},
          {"share_error_points", json::Object{{"incidents", score.share_cases},
                                              {"mean", score.share_error_mean},
                                              {"p95", score.share_error_p95}}},
          {"crowds", score.crowds},
          {"crowds_called_attack", score.crowds_called_attack},
          {"false_attack_share", score.crowds_called_attack / crowds},
          {"first_verdict_s", json::Object{{"median", score.first_verdict_median_s},
                                           {"p95", score.first_verdict_p95_s},
                                           {"without", score.without_verdict}}},
          {"brier", score.brier},
          {"calibration_error", score.calibration_error},
          {"reliability", reliability}};
}

std::string ScoreToText(const Score& score) {
  std::string text = fmt::format("{} incidents ({} seeds gave no clear case)\n\n{:>16}",
                                 score.incidents, score.not_made, "");
  for (int label = 0; label < verdict::kLabelCount; ++label) {
    text += fmt::format("{:>15}", LabelWordAt(label));
  }
  text += fmt::format("{:>8}\n", "F1");
  for (int incident_class = 0; incident_class < kIncidentClassCount; ++incident_class) {
    text += fmt::format("{:>16}", ClassWord(incident_class));
    for (int label = 0; label < verdict::kLabelCount; ++label) {
      text += fmt::format("{:>15}", score.confusion[incident_class][label]);
    }
    const std::optional<double>& f1 = score.f1[incident_class];
    text += f1 ? fmt::format("{:>8.3f}\n", *f1) : fmt::format("{:>8}\n", "-");
  }
  text += fmt::format(
      "\nmacro-F1                    {:.3f}\n"
      "share error, points         mean {:.1f}, p95 {:.1f} ({} incidents)\n"
      "crowds called an attack     {} of {} ({:.2f} %)\n"
      "first verdict, s            median {:.0f}, p95 {:.0f} ({} without)\n"
      "Brier score                 {:.4f}\n"
      "calibration error           {:.4f}\n",
      score.macro_f1, score.share_error_mean, score.share_error_p95, score.share_cases,
      score.crowds_called_attack, score.crowds,
      100.0 * score.crowds_called_attack / std::max(score.crowds, 1), score.first_verdict_median_s,
      score.first_verdict_p95_s, score.without_verdict, score.brier, score.calibration_error);
  return text;
}

std::string ScoreToHtml(const Score& score) {
  charts::Curve curve{.name = "clients", .x = {}, .y = {}};
  for (const ReliabilityBin& bin : score.reliability) {
    curve.x.push_back(bin.stated);
    curve.y.push_back(bin.hostile);
  }
  const charts::Curve ideal{.name = "calibrated", .x = {0, 1}, .y = {0, 1}};
  return charts::MakePage(
      "Score of verdicts",
      charts::DrawChart({.title = "Reliability: clients held to be hostile, and those that were",
                         .x_label = "predicted",
                         .y_label = "observed",
                         .starts_at_zero = true},
                        {curve, ideal}) +
          "<pre>" + charts::EscapeHtml(ScoreToText(score)) + "</pre>");
}

}  // namespace holdfast::drill
