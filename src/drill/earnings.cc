#include "drill/earnings.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "guard/evidence/scorer.h"
#include "parallel/thread_pool.h"

namespace holdfast::drill {
namespace {

// A smaller share of a kind that is no longer found is nothing to keep a detector for.
constexpr double kFoundMin = 0.01;

// What one seed has of something, and by how much it changes.
struct Tally {
  double weight = 0;
  double change = 0;

  void Add(double weight_added, double change_of_each) {
    weight += weight_added;
    change += weight_added * change_of_each;
  }
};

struct SeedTallies {
  Tally brier;
  Tally honest;
  std::array<Tally, kCallerKindCount> kinds{};
};

// A ratio of sums over seeds, and its standard error.
template <typename TallyOf>
Change ChangeOf(const std::map<std::uint64_t, SeedTallies>& seeds, TallyOf tally_of) {
  Change change;
  double weights = 0, changes = 0;
  for (const auto& [seed, tallies] : seeds) {
    const Tally& tally = tally_of(tallies);
    weights += tally.weight;
    changes += tally.change;
    change.seeds += tally.weight > 0 ? 1 : 0;
  }
  if (weights == 0) return change;
  change.mean = changes / weights;
  if (change.seeds < 2) return change;
  double squares = 0;
  for (const auto& [seed, tallies] : seeds) {
    const Tally& tally = tally_of(tallies);
    const double off = tally.change - change.mean * tally.weight;
    squares += off * off;
  }
  change.error = std::sqrt(squares * change.seeds / (change.seeds - 1.0)) / weights;
  return change;
}

double SquareError(double odds, bool is_hostile) {
  const double error = guard::ProbabilityOf(odds) - (is_hostile ? 1 : 0);
  return error * error;
}

std::string ChangeToText(const Change& change) {
  return fmt::format("{:+.4f} ({:.4f})", change.mean, change.error);
}

json::Object ChangeToJson(const Change& change) {
  return {{"mean", change.mean}, {"error", change.error}, {"seeds", change.seeds}};
}

// The kind of which it finds most, or accuses most wrongly, that is not found or accused without.
std::string KindsToText(const Earning& earning) {
  std::string text;
  for (int i = 0; i < kCallerKindCount; ++i) {
    const Change& change = earning.accused[static_cast<std::size_t>(i)];
    if (std::abs(change.mean) < kFoundMin) continue;
    text +=
        fmt::format("  {} {:+.3f} ({:.3f}, {} seeds)", CallerKindWord(static_cast<CallerKind>(i)),
                    change.mean, change.error, change.seeds);
  }
  return text;
}

}  // namespace

bool Earning::IsEarned() const {
  if (brier.IsRise() || crowd_accused.IsRise() || honest_accused.IsRise()) return true;
  for (int i = 0; i < kCallerKindCount; ++i) {
    const Change& change = accused[static_cast<std::size_t>(i)];
    const bool is_missed = change.IsFall() && change.mean <= -kFoundMin;
    if (IsHostile(static_cast<CallerKind>(i)) && is_missed) return true;
  }
  return false;
}

Earning Compare(const std::vector<CalibrationRow>& rows, const guard::Calibration& whole,
                const guard::Calibration& less) {
  std::map<std::uint64_t, SeedTallies> seeds;
  for (const CalibrationRow& row : rows) {
    const double with = guard::LogOdds(row.row.evidence, whole);
    const double without = guard::LogOdds(row.row.evidence, less);
    const bool is_hostile = row.row.is_hostile;
    const double accused = (without > 0 ? 1 : 0) - (with > 0 ? 1 : 0);
    SeedTallies& tallies = seeds[row.seed];
    tallies.brier.Add(row.row.weight,
                      SquareError(without, is_hostile) - SquareError(with, is_hostile));
    tallies.kinds[static_cast<std::size_t>(row.kind)].Add(1, accused);
    if (!is_hostile) tallies.honest.Add(1, accused);
  }
  Earning earning;
  earning.brier = ChangeOf(seeds, [](const SeedTallies& tallies) { return tallies.brier; });
  earning.honest_accused = ChangeOf(seeds, [](const SeedTallies& all) { return all.honest; });
  for (std::size_t i = 0; i < earning.accused.size(); ++i) {
    earning.accused[i] = ChangeOf(seeds, [&](const SeedTallies& all) { return all.kinds[i]; });
  }
  earning.crowd_accused = earning.accused[static_cast<std::size_t>(CallerKind::kVisitor)];
  return earning;
}

std::vector<Earning> MeasureEarnings(const std::vector<CalibrationRow>& rows,
                                     const std::vector<CalibrationRow>& others, double l2,
                                     int threads) {
  const guard::Calibration whole = FitCalibration(rows, l2);
  std::vector<Earning> earnings(guard::kDetectorCount);
  parallel::ThreadPool pool(threads);
  pool.Run(guard::kDetectorCount, [&](std::int64_t task, int) {
    const auto detector = static_cast<guard::Detector>(task);
    Earning& earning = earnings[static_cast<std::size_t>(task)];
    earning = Compare(others, whole, FitCalibration(rows, l2, detector));
    earning.detector = detector;
  });
  return earnings;
}

std::string EarningsToText(const std::vector<Earning>& earnings) {
  std::string text = fmt::format("{:26}{:>20}{:>20}{:>20}  earned\n", "without", "brier",
                                 "crowd accused", "honest accused");
  for (const Earning& earning : earnings) {
    text += fmt::format("{:26}{:>20}{:>20}{:>20}  {:6}{}\n", guard::DetectorWord(earning.detector),
                        ChangeToText(earning.brier), ChangeToText(earning.crowd_accused),
                        ChangeToText(earning.honest_accused), earning.IsEarned() ? "yes" : "no",
                        KindsToText(earning));
  }
  return text;
}

json::Array EarningsToJson(const std::vector<Earning>& earnings) {
  json::Array array;
  for (const Earning& earning : earnings) {
    json::Object kinds;
    for (int i = 0; i < kCallerKindCount; ++i) {
      const Change& change = earning.accused[static_cast<std::size_t>(i)];
      if (change.seeds == 0) continue;
      kinds[CallerKindWord(static_cast<CallerKind>(i))] = ChangeToJson(change);
    }
    array.push_back(json::Object{{"without", guard::DetectorWord(earning.detector)},
                                 {"brier", ChangeToJson(earning.brier)},
                                 {"crowd_accused", ChangeToJson(earning.crowd_accused)},
                                 {"honest_accused", ChangeToJson(earning.honest_accused)},
                                 {"kinds_accused", std::move(kinds)},
                                 {"is_earned", earning.IsEarned()}});
  }
  return array;
}

}  // namespace holdfast::drill
