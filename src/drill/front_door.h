// FrontDoor: who may in, when, and who is told no: the real guard, or one of what others run. The
// simulation tells it every event, as a gateway would. Single-threaded.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "drill/scenario.h"
#include "guard/evidence/connection_facts.h"
#include "guard/facts.h"
#include "guard/overload/admission.h"

namespace holdfast::drill {

class FrontDoor {
 public:
  struct Word {
    enum What : std::uint8_t { kStart, kWait, kRefuse };
    What what = kStart;
    guard::Refusal refusal = guard::Refusal::kNone;
    Duration retry_after{0};
    guard::ExpectedWait wait{};  // With kWait.
    bool is_regular = false;     // As guard::Door::Word says.
  };
  struct Expired {
    std::uint32_t slot = 0;
    guard::Refusal refusal = guard::Refusal::kNone;
    Duration retry_after{0};
  };

  virtual ~FrontDoor() = default;

  // Known from before the simulation.
  virtual void OnKnown(const guard::Caller&) {}
  // `slot` names the request until its end. A request for a page never waits.
  virtual Word OnRequest(std::uint32_t slot, const guard::RequestFacts& facts, Time now) = 0;
  // Appends waiting requests that start now, and those that are refused after all.
  virtual void Poll(Time, std::vector<std::uint32_t>& /*started*/,
                    std::vector<Expired>& /*refused*/) {}
  virtual Time NextTime() const { return Time::max(); }
  virtual void OnFirstToken(std::uint32_t /*slot*/, Duration /*since_start*/, Time) {}
  // Of a request that was let in or waits.
  virtual void OnEnd(std::uint32_t /*slot*/, const guard::OutcomeFacts&) {}
  virtual void OnConnection(const guard::ConnectionFacts&) {}
  // False: the kernel drops this caller's new connections before they cost anything.
  virtual bool Accepts(const guard::Caller&, Time) { return true; }
  virtual void OnEngineReport(const guard::EngineReport&, Time) {}
  // A misconfiguration: rate limits and queue at this share of what they should be.
  virtual void SetLimits(double /*share*/, Time) {}

  virtual std::uint32_t waiting() const { return 0; }
  virtual bool is_registration_restricted() const { return false; }
  // Closes the slowest connections when places run out.
  virtual bool has_bounds() const { return false; }
};

std::unique_ptr<FrontDoor> MakeFrontDoor(const Scenario& scenario);

}  // namespace holdfast::drill
