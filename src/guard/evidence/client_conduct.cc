#include "guard/evidence/client_conduct.h"

#include <algorithm>
#include <limits>

namespace holdfast::guard {
namespace {

// A request under way for longer than this was lost sight of.
constexpr Duration kAnswerMax = std::chrono::minutes(10);

void Raise(std::uint16_t& counter) {
  if (counter != std::numeric_limits<std::uint16_t>::max()) ++counter;
}

void NoteEntry(ClientFeatures& client, const RequestFacts& facts, std::optional<Time> page,
               const ConductLimits& limits, Time now) {
  client.entry = facts.route;
  client.Set(Trait::kEntered);
  if (!page) return;
  client.Set(Trait::kPaged);
  if (now - *page >= limits.dwell_min) client.Set(Trait::kDwelt);
}

void NoteBurst(ClientFeatures& client, const ConductLimits& limits, Time now) {
  const double leaked = limits.burst_per_second * ToSeconds(now - client.last_seen);
  client.burst = static_cast<float>(std::max(0.0, client.burst - leaked) + 1);
  client.burst_max = std::max(client.burst_max, client.burst);
}

void NoteObedience(ClientFeatures& client, Time now) {
  if (client.come_again == Time{} || client.is_shared()) return;
  if (now < client.come_again) client.Set(Trait::kIgnored);
  client.come_again = {};
}

void NoteReturn(ClientFeatures& client, const RequestFacts& facts, const ConductLimits& limits,
                Time now) {
  if (now - client.requested > kAnswerMax) client.in_flight = 0;
  const bool is_overlapping = client.in_flight > 0;
  if ((!is_overlapping && client.answered == Time{}) || client.is_shared()) return;
  client.Set(Trait::kReturned);
  if (is_overlapping) {
    client.Set(Trait::kOverlapped);
  } else if (now - client.answered >= limits.think_min) {
    client.Set(Trait::kThought);
  }
  const bool was_answered = client.answered >= client.requested;
  if (was_answered && facts.payload != 0 && facts.payload == client.payload) {
    Raise(client.repeats);
    if (client.repeats >= 2) client.Set(Trait::kRepeated);
  }
}

void NotePrompt(ClientFeatures& client, const RequestFacts& facts, const ConductLimits& limits) {
  // One that was refused by its head alone says nothing of prompts.
  const bool is_read = facts.payload != 0 || facts.prompt_tokens != 0;
  if (!is_read) return Raise(client.generations);
  if (facts.payload != client.payload) client.payload_counted = 0;
  client.payload = facts.payload;
  Raise(client.generations);
  if (facts.prompt_tokens >= limits.costly_prompt_tokens ||
      facts.tokens_max >= limits.costly_output_tokens) {
    Raise(client.costly);
    client.Set(Trait::kCostly);
  }
}

void NoteAnswer(ClientFeatures& client, const OutcomeFacts& outcome, const ConductLimits& limits) {
  if (client.in_flight > 0) --client.in_flight;
  client.cost +=
      static_cast<float>(outcome.prompt_tokens + limits.output_weight * outcome.output_tokens);
  if (outcome.first_token > Duration{0}) {
    Raise(client.streamed);
    client.Set(Trait::kStreamed);
    if (outcome.ending == Ending::kAbandoned) {
      Raise(client.cut_short);
      client.Set(Trait::kCutShort);
    }
  }
  if (outcome.ending != Ending::kServed) return;
  client.answered = outcome.time;
  Raise(client.served);
  client.Set(Trait::kServed);
  if (outcome.was_read) {
    Raise(client.read);
    client.Set(Trait::kRead);
  }
}

}  // namespace

std::optional<Duration> NoteArrival(ClientFeatures& client, const RequestFacts& facts,
                                    std::optional<Time> page, const ConductLimits& limits,
                                    Time now) {
  NoteBurst(client, limits, now);
  ++client.requests;
  if (facts.caller.fingerprint != client.fingerprint) {
    if (client.requests > 1) Raise(client.fingerprint_changes);
    if (client.fingerprint == 0 || !client.Has(Trait::kEntered)) {
      client.fingerprint = facts.caller.fingerprint;
    }
  }
  client.last_seen = now;
  client.standing = std::max(client.standing, facts.standing);
  if (facts.route == Route::kPage) {
    Raise(client.pages);
    return std::nullopt;
  }

  if (!client.Has(Trait::kEntered)) NoteEntry(client, facts, page, limits, now);
  NoteObedience(client, now);
  if (facts.route == Route::kRegister) {
    Raise(client.sign_ups);
    const bool is_known = facts.form_time >= Duration{0};
    if (is_known && facts.form_time < limits.form_min) Raise(client.rushed_forms);
  }
  if (facts.route == Route::kLogin) {
    Raise(client.log_ins);
    client.Set(Trait::kLoggedIn);
  }
  if (IsGeneration(facts.route)) {
    if (facts.attempt == 0) NoteReturn(client, facts, limits, now);
    NotePrompt(client, facts, limits);
  }
  const bool is_first = client.requested == Time{};
  const Duration gap = now - client.requested;
  client.requested = now;
  return is_first ? std::nullopt : std::optional(gap);
}

void NoteNewPrompt(ClientFeatures& client, bool is_shared) {
  Raise(client.prompts);
  if (is_shared) Raise(client.shared_prompts);
  if (client.prompts >= 2) client.Set(Trait::kAskedAgain);
  if (client.shared_prompts >= 2) client.Set(Trait::kEchoed);
}

void NoteDecision(ClientFeatures& client, const RequestFacts& facts, const DecisionFacts& decision,
                  Time now) {
  if (decision.refusal == Refusal::kNone) {
    if (IsGeneration(facts.route)) Raise(client.in_flight);
  } else if (decision.retry_after > Duration{0}) {
    client.come_again = now + decision.retry_after;
    if (!client.is_shared()) client.Set(Trait::kTold);
  }
}

void NoteOutcome(ClientFeatures& client, const OutcomeFacts& outcome, const ConductLimits& limits) {
  client.last_seen = std::max(client.last_seen, outcome.time);
  if (IsGeneration(outcome.route)) NoteAnswer(client, outcome, limits);
  if (outcome.failed_login) {
    Raise(client.guesses);
    client.Set(Trait::kGuessed);
  }
}

void NoteConnection(ClientFeatures& client, const ConnectionFacts& facts) {
  client.last_seen = std::max(client.last_seen, facts.time);
  Raise(client.connections[static_cast<std::size_t>(facts.event)]);
  client.Set(Trait::kStalled);
}

}  // namespace holdfast::guard
