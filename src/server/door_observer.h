// DoorObserver: is told of all that happens at the live door, in the order in which it happens.
// Each call comes with the door's lock held: it must be short, wait for nothing, and not ask the
// door.
#pragma once

#include "guard/door.h"

namespace holdfast::server {

class DoorObserver {
 public:
  DoorObserver() = default;
  virtual ~DoorObserver() = default;
  DoorObserver(const DoorObserver&) = delete;
  DoorObserver& operator=(const DoorObserver&) = delete;

  virtual void OnAsked(const guard::RequestFacts& facts, const guard::Door::Word& word) = 0;
  // Of one that waited; kNone: it may start. A refusal is its end.
  virtual void OnDecided(const guard::Door::Expired& decided, guard::Time now) = 0;
  virtual void OnFirstToken(guard::DoorId id, guard::Time now) = 0;
  // Of one that was let in, or that left the queue. Its time and arrival are filled in; who it was
  // is not.
  virtual void OnEnded(guard::DoorId id, const guard::OutcomeFacts& outcome) = 0;
  virtual void OnConnection(const guard::ConnectionFacts& facts) = 0;
  // And what the door makes of it.
  virtual void OnEngineReport(const guard::EngineReport& report,
                              const guard::DoorCounters& counters, guard::Time now) = 0;
  virtual void OnRestriction(const guard::RestrictionRecord& record) = 0;
  virtual void OnRegistration(const guard::RegistrationChange& change) = 0;
  virtual void OnRung(guard::Rung from, const guard::DoorCounters& counters, guard::Time now) = 0;
};

}  // namespace holdfast::server
