// RequestFlood: sources that ask for answers on their own schedule, whatever they are told:
// low-rate floods from many sources, floods from few, requests at the cost limits, and abandoned
// streams differ in their numbers alone. Single-threaded.
#pragma once

#include "drill/attackers/attack_group.h"

namespace holdfast::drill {

class RequestFlood : public AttackGroup {
 public:
  using AttackGroup::AttackGroup;
  void OnWake(World& world, std::uint32_t caller, std::uint16_t note) override;

 private:
  Request MakeRequest(World& world, CallerState& source) const;
};

}  // namespace holdfast::drill
