// LikenessTrial: whether likeness to an attack may be enforced here. Shadow first: of requests of
// accounts in good standing outside of incidents it is counted how many would have been accused
// (Door counts them). It is measured when enough were counted over enough days, or in a rehearsal,
// and the exact upper bound of the share accused is low enough; then it is enforced.
//
// It falls back to shadow when a bound is broken: the upper bound over the whole window, which also
// rises when so little is counted that nothing can be said any more, or the lower bound over the
// last day, which shows that it has got worse lately. Then all that was counted is given up, and it
// is measured anew, so that it cannot flap.
//
// Times are milliseconds since 1970, passed in; one that goes back is taken for the latest. Counts
// are kept by spans of six hours, kWindow of them at most. Pure, single-threaded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "guard/evidence/calibration.h"
#include "guard/evidence/likeness_count.h"
#include "guard/evidence/proposals.h"

namespace holdfast::guard {

struct TrialRules {
  static constexpr std::int64_t kHourMs = 3'600'000;

  std::uint64_t asked_min = 10'000;
  std::int64_t time_min_ms = 7 * 24 * kHourMs;  // From the first request counted to the last.
  double accused_max = 0.001;                   // The upper bound of their share.
  double confidence = 0.95;
};

enum class TrialState : std::uint8_t {
  kMeasuring,  // Too few requests, or over too short a time.
  kTooMany,    // The bound is not met: so many are accused, or so few were counted.
  kMeasured,   // Enforced.
};
std::string_view TrialStateWord(TrialState state);

class LikenessTrial {
 public:
  static constexpr std::int64_t kSpanMs = 6 * TrialRules::kHourMs;
  static constexpr std::size_t kWindow = 28 * 4;  // Spans: 28 days.
  static constexpr std::size_t kRecent = 4;       // Of these, those of the last day.

  struct Span {
    std::int64_t first_ms = 0;  // Of the first request counted,
    std::int64_t last_ms = 0;   // and of the last.
    LikenessTrialCount count;
  };
  // What lasts.
  struct Record {
    std::vector<Span> spans;  // In order.
    bool is_enforced = false;
    std::optional<std::int64_t> rehearsed_ms;
    std::optional<std::int64_t> fell_back_ms;  // The last time.
  };
  struct Report {
    TrialState state = TrialState::kMeasuring;
    LikenessTrialCount count;              // In the window.
    double upper_bound = 1;                // Of the share accused.
    std::optional<std::int64_t> since_ms;  // The first request counted.
    std::int64_t time_ms = 0;              // From the first to the last.
    std::optional<std::int64_t> rehearsed_ms;
    std::optional<std::int64_t> fell_back_ms;
  };

  explicit LikenessTrial(const TrialRules& rules = {}) : rules_(rules) {}

  // What was counted since it was called last.
  void Add(const LikenessTrialCount& more, std::int64_t now_ms);
  // A rehearsal stands for the days: enough requests and the bound are asked for all the same.
  void MarkRehearsed(std::int64_t now_ms);
  // Whether likeness is enforced from here on.
  bool Decide(std::int64_t now_ms);

  bool is_enforced() const { return record_.is_enforced; }
  Report report() const;

  const Record& record() const { return record_; }
  // What a process before had counted.
  void Restore(Record record);

 private:
  std::int64_t Advance(std::int64_t now_ms);
  LikenessTrialCount CountFrom(std::int64_t since_ms) const;
  bool IsBroken() const;

  TrialRules rules_;
  Record record_;
  std::int64_t now_ms_ = 0;
};

// Of the coefficients and thresholds by which likeness accuses: what was counted by others says
// nothing of these.
std::uint64_t LikenessVersion(const Calibration& calibration = kCalibration,
                              const ProposalPolicy& policy = {});

}  // namespace holdfast::guard
