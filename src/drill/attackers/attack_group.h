// AttackGroup: what all attackers have in common: sources with names, a window of time, a pace.
// Single-threaded.
#pragma once

#include <cstdint>

#include "drill/world.h"

namespace holdfast::drill {

class AttackGroup : public CallerGroup {
 public:
  AttackGroup(const Attack& attack, std::uint64_t name) : attack_(attack), name_(name) {}

  std::uint32_t count() const override { return attack_.sources; }
  void Introduce(World& world, std::uint32_t first) override;
  // Wakes every source once, spread over the time that a source takes for one turn.
  void Begin(World& world) override;
  Duration OnAttemptEnd(World&, Wish&, const AttemptEnd&) override { return kNoRetry; }

 protected:
  // Each source's share of the attack's rate, as a gap between its turns.
  double GapSeconds() const { return attack_.sources / attack_.rate_per_s; }
  bool IsOver(const World& world) const { return world.now() >= attack_.end; }
  // The source's next turn, a gap with jitter later, unless the attack is over by then.
  void WakeAgain(World& world, std::uint32_t caller, double jitter);
  std::uint64_t SomePayload(World& world, CallerState& source) const;

  const Attack attack_;
  const std::uint64_t name_;
  std::uint32_t first_ = 0;
};

}  // namespace holdfast::drill
