// PrefillPacer: how many prompt tokens a step may take while others wait for their next token, so
// that a step lasts about `target`. Owned by the engine loop; single-threaded.
//
// A step costs base + n * c: the decoding sequences' part and c for each of n prompt tokens, both
// unknown and changing with the batch. The controller needs neither: after a step of n tokens that
// lasted t, the next may have n * target / t. Its fixed point is base + n * c = target, reached
// geometrically from both sides. Steps that took fewer tokens than they might say nothing about
// more, so they only ever lower the allowance, and only if they were too long.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace holdfast::engine {

class PrefillPacer {
 public:
  using Duration = std::chrono::steady_clock::duration;

  // Even when the decoding sequences alone last longer than the target, prompts go on: the matrix
  // products of this many tokens cost little more than those of one.
  static constexpr std::int64_t kTokensMin = 16;

  // `target` zero: no limit but tokens_max.
  PrefillPacer(std::int64_t tokens_max, Duration target)
      : tokens_max_(tokens_max), target_(target), allowed_(tokens_max) {}

  std::int64_t allowed_tokens() const { return allowed_; }

  void Record(std::int64_t prefill_tokens, Duration lasted) {
    if (target_ == Duration::zero() || prefill_tokens == 0) return;
    const bool was_limited = prefill_tokens >= allowed_;
    if (lasted <= target_ && !was_limited) return;
    const double ratio = static_cast<double>(target_.count()) /
                         static_cast<double>(std::max<Duration::rep>(lasted.count(), 1));
    const auto fitting = static_cast<std::int64_t>(static_cast<double>(prefill_tokens) *
                                                   std::min(ratio, kGrowthMax));
    allowed_ = std::clamp(was_limited ? fitting : std::min(fitting, allowed_),
                          std::min(kTokensMin, tokens_max_), tokens_max_);
  }

 private:
  static constexpr double kGrowthMax = 2.0;

  std::int64_t tokens_max_;
  Duration target_;
  std::int64_t allowed_;
};

}  // namespace holdfast::engine
