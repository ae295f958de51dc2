// IncidentTracker: an incident is a stretch of time in which honest people did not get what the
// service promises. It opens and closes on the share of lost requests in a sliding window, with
// hysteresis: a clear loss opens, a long quiet closes, and nothing opens again on what is left of
// the old. What is bad again soon after it closed is the same incident, with its first onset: its
// causes take turns more often than two of them come by chance. O(1) a call; single-threaded.
#pragma once

#include <array>
#include <cstdint>

#include "verdict/words.h"

namespace holdfast::verdict {

struct IncidentOptions {
  double open_share = 0.05;   // Lost share over the window that opens,
  double close_share = 0.01;  // and below which it may close.
  double requests_min = 20;   // Fewer in the window say nothing.
  // Standard errors by which the share must lie above close_share: chance alone opens nothing.
  double certainty = 3;
  Duration open_after = std::chrono::seconds(3);     // So long above open_share,
  Duration close_after = std::chrono::seconds(30);   // so long below close_share.
  Duration reopen_within = std::chrono::minutes(2);  // From when it closed.
};

struct Incident {
  std::uint64_t number = 0;  // From 1.
  Time onset{};              // The first second that was bad.
  Time opened{};             // Again, if it was closed in between.
  Time end{};                // The first second that was good again; Time{} while it is open.
  Time closed{};             // Time{} while it is open.
};

class IncidentTracker {
 public:
  enum class Change : std::uint8_t { kNone, kOpened, kReopened, kClosed };

  explicit IncidentTracker(const IncidentOptions& options = {}) : options_(options) {}

  // `honest`: how many honest requests this one stands for (its weight times the probability that
  // its client is honest), so that turning an attack away is not a loss.
  void Add(Time end, bool is_good, double honest = 1);
  // A probe from outside: what a user would have got.
  void AddProbe(Time time, bool is_good) { Add(time, is_good, options_.requests_min / 4); }
  // At least once a second. Times never go back.
  Change Advance(Time now);

  bool is_open() const { return is_open_; }
  const Incident& incident() const { return incident_; }  // The open or the last one.
  double lost_share() const;                              // Over the window.

 private:
  static constexpr int kWindowSeconds = 10;
  struct Second {
    std::int64_t number = -1;
    double lost = 0;
    double all = 0;
  };

  Second& At(std::int64_t second);
  Second Window() const;
  bool IsBad() const;
  bool IsQuiet() const;
  Change Open(Time now);

  IncidentOptions options_;
  std::array<Second, 2 * kWindowSeconds> seconds_{};
  std::int64_t now_ = 0;  // The current second.
  Incident incident_;
  bool is_open_ = false;
  Time bad_since_ = Time::max();
  Time quiet_since_ = Time::max();
};

}  // namespace holdfast::verdict
