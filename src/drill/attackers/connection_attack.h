// ConnectionAttack: holds or churns connections without ordinary requests: heads and bodies that do
// not end, answers that are not taken, handshakes and nothing after, streams opened and reset.
// Single-threaded.
#pragma once

#include "drill/attackers/attack_group.h"

namespace holdfast::drill {

class ConnectionAttack : public AttackGroup {
 public:
  using AttackGroup::AttackGroup;
  void OnWake(World& world, std::uint32_t caller, std::uint16_t note) override;
  Duration OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) override;

 private:
  void Hold(World& world, std::uint32_t caller, guard::ConnectionEvent event, Duration timeout);
};

}  // namespace holdfast::drill
