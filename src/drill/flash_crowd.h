// FlashCrowdGroup: people who come because of an event. Each comes at the time that its place in
// the crowd gives it, most for the first time, many with the same phone and the same prompt.
#pragma once

#include "drill/people.h"

namespace holdfast::drill {

class FlashCrowdGroup : public PeopleGroup {
 public:
  FlashCrowdGroup(const FlashCrowd& crowd, std::uint64_t name);

 protected:
  void MakePerson(World& world, CallerState& person, std::uint32_t n) override;
  Time FirstArrival(World& world, CallerState& person, std::uint32_t n) override;
  Time NextArrival(World& world, CallerState& person) override;
  std::uint64_t Payload(World& world, CallerState& person) override;
  bool WantsAccount(const CallerState& person) const override;

 private:
  FlashCrowd crowd_;
};

}  // namespace holdfast::drill
