// SignUpFlood: signs up in lock-step from many sources, and asks for answers with every account it
// got. Some of its sources solve proofs of work, some can confirm a mail address. Single-threaded.
#pragma once

#include "drill/attackers/attack_group.h"

namespace holdfast::drill {

class SignUpFlood : public AttackGroup {
 public:
  using AttackGroup::AttackGroup;
  void OnWake(World& world, std::uint32_t caller, std::uint16_t note) override;
  Duration OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) override;
};

}  // namespace holdfast::drill
