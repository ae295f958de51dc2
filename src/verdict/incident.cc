#include "verdict/incident.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace holdfast::verdict {
namespace {

std::int64_t SecondOf(Time time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}
Time StartOf(std::int64_t second) { return Time(std::chrono::seconds(second)); }

}  // namespace

IncidentTracker::Second& IncidentTracker::At(std::int64_t second) {
  const auto size = static_cast<std::int64_t>(seconds_.size());
  Second& slot = seconds_[static_cast<std::size_t>((second % size + size) % size)];
  if (slot.number != second) slot = {.number = second};
  return slot;
}

void IncidentTracker::Add(Time end, bool is_good, double honest) {
  CHECK(honest >= 0);
  Second& second = At(SecondOf(end));
  second.all += honest;
  if (!is_good) second.lost += honest;
}

IncidentTracker::Second IncidentTracker::Window() const {
  Second sum;
  for (const Second& second : seconds_) {
    if (second.number <= now_ - kWindowSeconds || second.number > now_) continue;
    sum.lost += second.lost;
    sum.all += second.all;
  }
  return sum;
}

double IncidentTracker::lost_share() const {
  const Second window = Window();
  return window.all > 0 ? window.lost / window.all : 0;
}

bool IncidentTracker::IsBad() const {
  const Second window = Window();
  if (window.all < options_.requests_min) return false;
  const double expected = options_.close_share * window.all;
  return window.lost > options_.open_share * window.all &&
         window.lost > expected + options_.certainty * std::sqrt(std::max(expected, 1.0));
}

bool IncidentTracker::IsQuiet() const { return lost_share() <= options_.close_share; }

IncidentTracker::Change IncidentTracker::Advance(Time now) {
  now_ = SecondOf(now);
  if (!is_open_) {
    bad_since_ = IsBad() ? std::min(bad_since_, now) : Time::max();
    if (bad_since_ == Time::max() || now - bad_since_ < options_.open_after) return Change::kNone;
    return Open(now);
  }
  quiet_since_ = IsQuiet() ? std::min(quiet_since_, now) : Time::max();
  if (quiet_since_ == Time::max() || now - quiet_since_ < options_.close_after) {
    return Change::kNone;
  }
  is_open_ = false;
  bad_since_ = Time::max();
  // Quiet is seen once the window holds nothing bad; what was good began that much earlier.
  incident_.end = std::max(incident_.opened, quiet_since_ - std::chrono::seconds(kWindowSeconds));
  incident_.closed = now;
  return Change::kClosed;
}

IncidentTracker::Change IncidentTracker::Open(Time now) {
  is_open_ = true;
  quiet_since_ = Time::max();
  if (incident_.closed != Time{} && now - incident_.closed <= options_.reopen_within) {
    incident_.opened = now;
    incident_.end = {};
    incident_.closed = {};
    return Change::kReopened;
  }
  incident_ = {.number = incident_.number + 1, .onset = now, .opened = now};
  const std::int64_t first = now_ - static_cast<std::int64_t>(seconds_.size()) + 1;
  for (std::int64_t second = std::max<std::int64_t>(first, 0); second <= now_; ++second) {
    const Second& slot = At(second);
    if (slot.lost <= options_.open_share * slot.all) continue;
    incident_.onset = StartOf(second);
    break;
  }
  return Change::kOpened;
}

}  // namespace holdfast::verdict
