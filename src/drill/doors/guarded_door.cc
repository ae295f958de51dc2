#include "drill/doors/guarded_door.h"

#include <algorithm>

#include "base/check.h"
#include "drill/door_options.h"

namespace holdfast::drill {
namespace {

using guard::IsGeneration;
using guard::Refusal;

// Demand over capacity from which on likeness to an attack may cost a place, and for how long it
// may after that: else an attack is let in again whenever turning it away has helped.
constexpr double kStressPressure = 0.8;
constexpr Duration kStressHold = std::chrono::seconds(60);
constexpr std::string_view kHostileConnectionsRule = "hostile_connections";

guard::PasswordGateOptions PasswordChecks(const DoorResources& resources) {
  guard::PasswordGateOptions options;
  options.checks_max = static_cast<std::size_t>(std::max(1.0, resources.password_cores));
  options.check_s = resources.password_hash_s;
  return options;
}

void Scale(guard::RateLimit& limit, double share) {
  limit.rate = std::max(limit.rate * share, 1e-6);
  limit.burst = std::max(limit.burst * share, 1.0);
}

guard::EdgeLimits LimitsAt(double share) {
  guard::EdgeLimits limits;
  for (auto& by_vouch : limits.address) {
    for (guard::RateLimit& limit : by_vouch) Scale(limit, share);
  }
  for (guard::RateLimit& limit : limits.account) Scale(limit, share);
  for (guard::RateLimit& limit : limits.key) Scale(limit, share);
  return limits;
}

}  // namespace

GuardedDoor::GuardedDoor(const Scenario& scenario)
    : seed_(scenario.seed),
      edge_(std::make_unique<guard::EdgeLimiter>(guard::EdgeLimits{}, scenario.seed)),
      admission_(NominalAdmission(scenario)),
      clusters_(guard::ClusterTableOptions{}, scenario.seed),
      passwords_(PasswordChecks(scenario.resources), scenario.seed) {}

void GuardedDoor::OnKnown(const guard::Caller& caller) {
  clusters_.Remember(caller);
  passwords_.Remember(caller, Time{});
}

FrontDoor::Word GuardedDoor::OnRequest(std::uint32_t slot, const guard::RequestFacts& facts,
                                       Time now) {
  if (slot >= tickets_.size()) tickets_.resize(slot + 1, 0);
  const guard::ClusterTable::Arrival arrival = clusters_.OnArrival(facts, now);
  const Word word = Decide(slot, arrival.client, facts, now);
  clusters_.OnDecision(arrival, facts, {.refusal = word.refusal, .retry_after = word.retry_after},
                       now);
  return word;
}

FrontDoor::Word GuardedDoor::Decide(std::uint32_t slot, const guard::ClientFeatures* sender,
                                    const guard::RequestFacts& facts, Time now) {
  const guard::EdgeLimiter::Decision edge = edge_->Check(facts, now);
  if (edge.refusal != Refusal::kNone) {
    return {.what = Word::kRefuse, .refusal = edge.refusal, .retry_after = edge.retry_after};
  }
  if (IsGeneration(facts.route) && now < engine_short_until_) {
    const Word judged = JudgeCaller(sender, facts, now);
    if (judged.what == Word::kRefuse) return judged;
  }
  switch (facts.route) {
    case guard::Route::kPage:
      return {};
    case guard::Route::kRegister: {
      const guard::SignUpDecision decision = registration_.OnSignUp(facts, now);
      if (decision.refusal() == Refusal::kNone) return AskPasswordGate(slot, facts, now);
      return {.what = Word::kRefuse,
              .refusal = decision.refusal(),
              .retry_after = decision.retry_after};
    }
    case guard::Route::kLogin:
      return AskPasswordGate(slot, facts, now);
    case guard::Route::kChat:
    case guard::Route::kApi:
      break;
  }
  return AskAdmission(slot, facts, now);
}

FrontDoor::Word GuardedDoor::JudgeCaller(const guard::ClientFeatures* sender,
                                         const guard::RequestFacts& facts, Time now) {
  const guard::ProposalPolicy policy;
  const auto score = scorer_.Suspect(clusters_, sender, facts, now, policy.challenge_log_odds);
  if (!score) return {};
  const auto proposal = guard::Propose(*score, facts, policy);
  if (!proposal) return {};
  const bool is_challenge = proposal->action == guard::RestrictionAction::kChallenge;
  if (edge_->restrictions().Impose(*proposal, now) == 0) return {};
  return {.what = Word::kRefuse,
          .refusal = is_challenge ? Refusal::kChallengeRequired : Refusal::kUnderAttack,
          .retry_after = is_challenge ? Duration(0) : proposal->term};
}

FrontDoor::Word GuardedDoor::AskAdmission(std::uint32_t slot, const guard::RequestFacts& facts,
                                          Time now) {
  const guard::Admission::Offer offer = admission_.Request(facts, now);
  if (offer.what == guard::Admission::Offer::kRefuse) {
    return {.what = Word::kRefuse, .refusal = offer.refusal, .retry_after = offer.retry_after};
  }
  tickets_[slot] = offer.id;
  slots_.emplace(offer.id, slot);
  const bool waits = offer.what == guard::Admission::Offer::kWait;
  return {.what = waits ? Word::kWait : Word::kStart, .wait = offer.wait};
}

FrontDoor::Word GuardedDoor::AskPasswordGate(std::uint32_t slot, const guard::RequestFacts& facts,
                                             Time now) {
  const guard::PasswordGate::Offer offer = passwords_.Request(slot, facts, now);
  if (offer.what == guard::PasswordGate::Offer::kRefuse) {
    return {.what = Word::kRefuse, .refusal = offer.refusal, .retry_after = offer.retry_after};
  }
  return {.what = offer.what == guard::PasswordGate::Offer::kWait ? Word::kWait : Word::kStart};
}

std::uint32_t GuardedDoor::TakeTicket(guard::TicketId id) {
  const auto found = slots_.find(id);
  CHECK(found != slots_.end());
  const std::uint32_t slot = found->second;
  slots_.erase(found);
  tickets_[slot] = 0;
  return slot;
}

void GuardedDoor::Poll(Time now, std::vector<std::uint32_t>& started,
                       std::vector<Expired>& refused) {
  started_.clear();
  expired_.clear();
  admission_.Poll(now, started_, expired_);
  for (const guard::TicketId id : started_) started.push_back(slots_.at(id));
  for (const guard::Admission::Expired& expired : expired_) {
    refused.push_back({TakeTicket(expired.id), expired.refusal, expired.retry_after});
  }
  unchecked_.clear();
  passwords_.Poll(now, started, unchecked_);
  for (const guard::PasswordGate::Expired& expired : unchecked_) {
    refused.push_back({expired.id, Refusal::kQueueFull, expired.retry_after});
  }
}

void GuardedDoor::OnFirstToken(std::uint32_t slot, Duration, Time now) {
  admission_.OnFirstToken(tickets_[slot], now);
}

void GuardedDoor::OnEnd(std::uint32_t slot, const guard::OutcomeFacts& outcome) {
  clusters_.OnOutcome(outcome);
  if (!IsGeneration(outcome.route)) {
    if (outcome.route != guard::Route::kPage) passwords_.OnEnd(slot, outcome);
    return;
  }
  // An answer to an account's session: it is logged in here.
  if (outcome.ending == guard::Ending::kServed) passwords_.Remember(outcome.caller, outcome.time);
  if (tickets_[slot] == 0) return;
  const guard::TicketId id = tickets_[slot];
  TakeTicket(id);
  admission_.OnFinish(id, outcome.output_tokens, outcome.ending, outcome.time);
}

void GuardedDoor::OnConnection(const guard::ConnectionFacts& facts) {
  clusters_.OnConnection(facts);
  const guard::ClientFeatures* client = clusters_.Find(facts.caller.address);
  if (client == nullptr) return;
  const guard::Evidence evidence = guard::Scorer::Observe(clusters_, *client);
  const double log_odds = guard::LogOdds(evidence, guard::kCalibration);
  const guard::ProposalPolicy policy;
  if (log_odds < policy.refuse_log_odds) return;
  const auto strongest = std::ranges::max_element(evidence);
  edge_->restrictions().Impose(
      {.scope = {guard::ScopeKind::kAddress, facts.caller.address},
       .action = guard::RestrictionAction::kPushDown,
       .rule = kHostileConnectionsRule,
       .evidence = {{{.detector = guard::DetectorWord(
                          static_cast<guard::Detector>(strongest - evidence.begin())),
                      .value = *strongest,
                      .llr = log_odds}}},
       .term = policy.term},
      facts.time);
}

bool GuardedDoor::Accepts(const guard::Caller& caller, Time now) {
  const guard::Restriction* restriction =
      edge_->restrictions().Find({guard::ScopeKind::kAddress, caller.address}, now);
  return restriction == nullptr || restriction->what.action != guard::RestrictionAction::kPushDown;
}

void GuardedDoor::OnEngineReport(const guard::EngineReport& report, Time now) {
  admission_.OnEngineReport(report, now);
  registration_.Advance(now);
  const guard::AdmissionCounters counters = admission_.counters();
  if (counters.waiting > 0 || counters.pressure > kStressPressure) {
    engine_short_until_ = now + kStressHold;
  }
}

void GuardedDoor::SetLimits(double share, Time) {
  edge_ = std::make_unique<guard::EdgeLimiter>(LimitsAt(share), seed_);
}

}  // namespace holdfast::drill
