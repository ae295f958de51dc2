#include "drill/doors/adaptive_limit_door.h"

#include <algorithm>
#include <cmath>

namespace holdfast::drill {
namespace {

constexpr double kLimitMin = 8;
constexpr double kLimitMax = 2000;
constexpr double kTolerance = 1.5;  // Latency may rise this much without harm.
constexpr double kSmoothing = 0.2;
constexpr double kLongSamples = 600;
constexpr double kShortSamples = 10;
constexpr Duration kRetryAfter = std::chrono::seconds(1);

}  // namespace

FrontDoor::Word AdaptiveLimitDoor::OnRequest(std::uint32_t, const guard::RequestFacts& facts,
                                             Time) {
  if (!guard::IsGeneration(facts.route)) return {};
  if (in_flight_ >= static_cast<std::uint32_t>(limit_)) {
    return {
        .what = Word::kRefuse, .refusal = guard::Refusal::kQueueFull, .retry_after = kRetryAfter};
  }
  ++in_flight_;
  return {};
}

void AdaptiveLimitDoor::OnFirstToken(std::uint32_t, Duration since_start, Time) {
  const double sample_s = std::max(guard::ToSeconds(since_start), 1e-4);
  if (long_s_ == 0) long_s_ = short_s_ = sample_s;
  long_s_ += (sample_s - long_s_) / kLongSamples;
  short_s_ += (sample_s - short_s_) / kShortSamples;
  // A long average that stayed high after an overload comes down faster.
  if (long_s_ > 2 * short_s_) long_s_ *= 0.95;
  if (in_flight_ < limit_ / 2) return;  // Not limited by the limit.
  const double gradient = std::clamp(kTolerance * long_s_ / short_s_, 0.5, 1.0);
  const double next = limit_ * gradient + std::sqrt(limit_);
  limit_ = std::clamp((1 - kSmoothing) * limit_ + kSmoothing * next, kLimitMin, kLimitMax);
}

void AdaptiveLimitDoor::OnEnd(std::uint32_t, const guard::OutcomeFacts& outcome) {
  if (guard::IsGeneration(outcome.route)) --in_flight_;
}

}  // namespace holdfast::drill
