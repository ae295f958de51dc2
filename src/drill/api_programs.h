// ProgramsGroup: API programs. Open loop: each sends at times drawn from an arrival law over
// windows of changing rate (ServeGen, Xiang et al. 2025), whatever became of what it sent before,
// and tries again as its library does. Single-threaded.
#pragma once

#include <cstdint>
#include <vector>

#include "drill/world.h"

namespace holdfast::drill {

// When a program tries again after this end, by its library's law; kNoRetry: not.
Duration RetryDelay(const RetryLaw& law, const Wish& wish, const AttemptEnd& end,
                    RandomStream& random);

class ProgramsGroup : public CallerGroup {
 public:
  ProgramsGroup(const Programs& programs, std::uint64_t name) : programs_(programs), name_(name) {}

  std::uint32_t count() const override { return programs_.count; }
  void Introduce(World& world, std::uint32_t first) override;
  void Begin(World& world) override;
  void OnWake(World& world, std::uint32_t caller, std::uint16_t note) override;
  Duration OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) override;

 private:
  // The next arrival after `now`; Time::max(): none.
  Time NextArrival(RandomStream& random, Time now) const;

  const Programs programs_;
  const std::uint64_t name_;
  Duration cycle_{0};
  std::uint32_t first_ = 0;
};

}  // namespace holdfast::drill
