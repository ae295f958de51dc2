// MimicGroup: hostile sessions that replay honest ones: pages, pauses, reading, lengths of real
// requests, browsers' fingerprints. Only their number, their newness and who pays for them differ.
// Single-threaded.
#pragma once

#include "drill/people.h"

namespace holdfast::drill {

class MimicGroup : public PeopleGroup {
 public:
  MimicGroup(const Attack& attack, std::uint64_t name);

 protected:
  void MakePerson(World& world, CallerState& person, std::uint32_t n) override;
  Time FirstArrival(World& world, CallerState& person, std::uint32_t n) override;
  Time NextArrival(World& world, CallerState& person) override;
  std::uint64_t Payload(World& world, CallerState& person) override;

 private:
  Attack attack_;
};

}  // namespace holdfast::drill
