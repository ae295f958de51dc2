// GuardedDoor: guard::Door, the one that serves, behind the simulation's slots. Single-threaded.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "drill/front_door.h"
#include "guard/door.h"

namespace holdfast::drill {

class GuardedDoor : public FrontDoor {
 public:
  explicit GuardedDoor(const Scenario& scenario);

  void OnKnown(const guard::Caller& caller) override { door_.Remember(caller, Time{}); }
  Word OnRequest(std::uint32_t slot, const guard::RequestFacts& facts, Time now) override;
  void Poll(Time now, std::vector<std::uint32_t>& started, std::vector<Expired>& refused) override;
  Time NextTime() const override { return door_.NextTime(); }
  void OnFirstToken(std::uint32_t slot, Duration since_start, Time now) override;
  void OnEnd(std::uint32_t slot, const guard::OutcomeFacts& outcome) override;
  void OnConnection(const guard::ConnectionFacts& facts) override { door_.OnConnection(facts); }
  bool Accepts(const guard::Caller& caller, Time now) override;
  void OnEngineReport(const guard::EngineReport& report, Time now) override;
  void SetLimits(double share, Time now) override;

  std::uint32_t waiting() const override { return door_.counters().admission.waiting; }
  bool is_registration_restricted() const override {
    return door_.counters().is_registration_restricted;
  }
  bool has_bounds() const override { return true; }

 private:
  guard::DoorId Release(std::uint32_t slot);

  guard::Door door_;
  std::vector<guard::DoorId> ids_;  // By slot; 0: none.
  std::unordered_map<guard::DoorId, std::uint32_t> slots_;
  std::vector<guard::DoorId> started_;
  std::vector<guard::Door::Expired> expired_;
};

}  // namespace holdfast::drill
