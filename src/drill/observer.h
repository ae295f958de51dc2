// Observer: sees what the gateway would see of a simulation, as it happens, beside the truth, which
// a judge must not use. Called in order of time by the one thread of the simulation.
#pragma once

#include "drill/caller_kind.h"
#include "guard/evidence/connection_facts.h"
#include "guard/facts.h"
#include "guard/overload/engine_report.h"

namespace holdfast::drill {

// What the front door said to a request at arrival.
struct Answer {
  guard::Refusal refusal = guard::Refusal::kNone;
  guard::Duration retry_after{0};
  guard::Duration expected_wait{0};  // First estimate; with is_waiting.
  guard::Duration wait_low{0};
  guard::Duration wait_high{0};
  bool is_waiting = false;
};

// A step of the capacity trace: what holds from `time` on.
struct CapacityChange {
  guard::Time time{};
  double engine_share = 1;  // Speed of the workers that are up, of their nominal one.
  int workers_up = 0;
  int workers_total = 0;
  double batch_share = 1;   // Configured batch size over the nominal one.
  double limits_share = 1;  // Configured rate limits over the nominal ones.
};

// A probe from outside the host that does what a person does, every Scenario::probe_interval.
struct ProbeFacts {
  guard::Time time{};
  bool has_reached_host = true;
  double host_busy_share = 0;  // Engine places in use.
};

class Observer {
 public:
  virtual ~Observer() = default;

  // Before anything else: an account or network that the service knows from earlier days.
  virtual void OnKnown(const guard::Caller&) {}
  // Every request that reached the door, with the decision; also those refused.
  virtual void OnRequest(const guard::RequestFacts&, const Answer&, const Truth&) {}
  // Every one of them ends exactly once; a refusal at arrival ends at once.
  virtual void OnOutcome(const guard::RequestFacts&, const guard::OutcomeFacts&, const Truth&) {}
  virtual void OnFirstToken(const guard::RequestFacts&, guard::Time) {}
  // An end of which nothing else was told, because the journal is not written (FaultKind::kBlind):
  // what counts answers in memory sees it all the same.
  virtual void OnUnwritten(const guard::RequestFacts&, const guard::OutcomeFacts&) {}
  virtual void OnConnection(const guard::ConnectionFacts&, const Truth&) {}
  // Once at the start, then at each change.
  virtual void OnCapacity(const CapacityChange&) {}
  // What the gateway hears of the engine, four times a second.
  virtual void OnEngineReport(const guard::EngineReport&, guard::Time) {}
  virtual void OnProbe(const ProbeFacts&) {}
  // The journal has lost what happened in [from, to): nothing of it was told (FaultKind::kBlind).
  // While that lasts, once a second.
  virtual void OnGap(guard::Time /*from*/, guard::Time /*to*/) {}
  // Once a simulated second, after everything up to then.
  virtual void OnSecond(guard::Time) {}
};

}  // namespace holdfast::drill
