// Extraction: accounts that ask systematically, to copy the model: prompts of one form that differ
// each time, long answers, the next as soon as the last one is there, in several streams at once.
// It behaves: heeds Retry-After and reads everything. Single-threaded.
#pragma once

#include "drill/attackers/attack_group.h"

namespace holdfast::drill {

class Extraction : public AttackGroup {
 public:
  using AttackGroup::AttackGroup;
  void Begin(World& world) override;
  void OnWake(World& world, std::uint32_t caller, std::uint16_t note) override;
  Duration OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) override;
};

}  // namespace holdfast::drill
