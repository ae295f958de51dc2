// GuardedDoor: the real guard, in the order in which a gateway asks it: limits and restrictions,
// likeness to what is held to be hostile (while there is something to protect), registration
// policy; then admission for an answer, the password gate for a log-in or a sign-up.
// Single-threaded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "drill/front_door.h"
#include "guard/evidence/cluster_table.h"
#include "guard/evidence/proposals.h"
#include "guard/evidence/scorer.h"
#include "guard/limits/edge_limiter.h"
#include "guard/overload/admission.h"
#include "guard/password_gate.h"
#include "guard/registration.h"

namespace holdfast::drill {

class GuardedDoor : public FrontDoor {
 public:
  explicit GuardedDoor(const Scenario& scenario);

  void OnKnown(const guard::Caller& caller) override;
  Word OnRequest(std::uint32_t slot, const guard::RequestFacts& facts, Time now) override;
  void Poll(Time now, std::vector<std::uint32_t>& started, std::vector<Expired>& refused) override;
  Time NextTime() const override { return std::min(admission_.NextTime(), passwords_.NextTime()); }
  void OnFirstToken(std::uint32_t slot, Duration since_start, Time now) override;
  void OnEnd(std::uint32_t slot, const guard::OutcomeFacts& outcome) override;
  void OnConnection(const guard::ConnectionFacts& facts) override;
  bool Accepts(const guard::Caller& caller, Time now) override;
  void OnEngineReport(const guard::EngineReport& report, Time now) override;
  void SetLimits(double share, Time now) override;

  std::uint32_t waiting() const override { return admission_.counters().waiting; }
  bool is_registration_restricted() const override { return registration_.is_restricted(); }
  bool has_bounds() const override { return true; }

 private:
  // `sender`: the record of who sent it; null: there is none.
  Word Decide(std::uint32_t slot, const guard::ClientFeatures* sender,
              const guard::RequestFacts& facts, Time now);
  // What is proposed about this caller is put into force and answers this request; kStart: nothing.
  Word JudgeCaller(const guard::ClientFeatures* sender, const guard::RequestFacts& facts, Time now);
  Word AskPasswordGate(std::uint32_t slot, const guard::RequestFacts& facts, Time now);
  Word AskAdmission(std::uint32_t slot, const guard::RequestFacts& facts, Time now);
  std::uint32_t TakeTicket(guard::TicketId id);

  std::uint64_t seed_;
  std::unique_ptr<guard::EdgeLimiter> edge_;
  guard::RegistrationPolicy registration_;
  guard::Admission admission_;
  guard::ClusterTable clusters_;
  guard::Scorer scorer_;
  guard::PasswordGate passwords_;
  // Until then capacity counts as short, and likeness to an attack may cost a place.
  Time engine_short_until_{};
  std::vector<guard::TicketId> tickets_;  // By slot; 0: none.
  std::unordered_map<guard::TicketId, std::uint32_t> slots_;
  std::vector<guard::TicketId> started_;
  std::vector<guard::Admission::Expired> expired_;
  std::vector<guard::PasswordGate::Expired> unchecked_;
};

}  // namespace holdfast::drill
