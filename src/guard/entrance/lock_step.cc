#include "guard/entrance/lock_step.h"

#include <algorithm>
#include <cmath>

namespace holdfast::guard {
namespace {

constexpr double kKnownFrom = 2;       // Sign-ups on ordinary days.
constexpr double kShareFloor = 0.003;  // Below it, shares are noise.
constexpr double kExperience = 20;     // Ordinary sign-ups after which half of the evidence counts.

}  // namespace

LockStep::LockStep(const LockStepOptions& options)
    : options_(options),
      recent_(options.names_max, options.recent_half_life),
      ordinary_(options.names_max, options.ordinary_half_life) {}

void LockStep::Advance(double expected, Time now) {
  if (time_ == Time::min()) time_ = now;
  expected_ += expected * ToSeconds(now - time_);
  time_ = now;
  const int recent_halvings = recent_.Advance(now);
  expected_ = std::ldexp(expected_, -recent_halvings);
  strangers_.recent = std::ldexp(strangers_.recent, -recent_halvings);
  strangers_.ordinary = std::ldexp(strangers_.ordinary, -ordinary_.Advance(now));
}

void LockStep::Add(std::uint64_t name, bool is_ordinary) {
  if (name == 0) return;
  const bool is_stranger = IsStranger(name);
  recent_.Add(name);
  if (is_stranger) ++strangers_.recent;
  if (!is_ordinary) return;
  ordinary_.Add(name);
  if (is_stranger) ++strangers_.ordinary;
}

double LockStep::Evidence(std::uint64_t name) const {
  if (name == 0) return 0;
  const double own = Compare({recent_.Find(name).surely(), ordinary_.Find(name).surely()});
  return IsStranger(name) ? std::max(own, Compare(strangers_)) : own;
}

bool LockStep::IsStranger(std::uint64_t name) const {
  return ordinary_.Find(name).surely() < kKnownFrom;
}

double LockStep::Compare(const Counts& counts) const {
  const double known = ordinary_.total();
  const double ordinary_share = known > 0 ? counts.ordinary / known : 0;
  const double surplus = std::max(0.0, recent_.total() - expected_);
  const double beyond = std::max(0.0, counts.recent - ordinary_share * expected_);
  const double surplus_share = std::min(1.0, beyond / std::max(options_.count_min, surplus));
  const double evidence = std::log((surplus_share + kShareFloor) / (ordinary_share + kShareFloor));
  const double experience = known / (known + kExperience);
  if (evidence > 0) return counts.recent < options_.count_min ? 0 : evidence * experience;
  // Being ordinary is worth as much as there is a surplus to stand apart from.
  return evidence * experience * surplus / (surplus + options_.count_min);
}

}  // namespace holdfast::guard
