// Stuffing: tries passwords from leaks on many accounts from many sources, each slowly. A few of
// them open an account whose owner used the password elsewhere. Single-threaded.
#pragma once

#include "drill/attackers/attack_group.h"

namespace holdfast::drill {

class Stuffing : public AttackGroup {
 public:
  using AttackGroup::AttackGroup;
  void OnWake(World& world, std::uint32_t caller, std::uint16_t note) override;
  Duration OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) override;

 private:
  std::uint64_t SomeAccount(const World& world, RandomStream& random) const;
};

}  // namespace holdfast::drill
