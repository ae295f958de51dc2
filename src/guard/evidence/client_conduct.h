// How what a client does becomes its features. Free functions on one record; nothing else changes.
#pragma once

#include <cstdint>
#include <optional>

#include "guard/clock.h"
#include "guard/evidence/connection_facts.h"
#include "guard/evidence/features.h"
#include "guard/facts.h"
#include "guard/refusal.h"

namespace holdfast::guard {

// What was decided about a request when it came.
struct DecisionFacts {
  Refusal refusal = Refusal::kNone;
  Duration retry_after{0};  // As told; 0: not told.
};

struct ConductLimits {
  Duration dwell_min = std::chrono::milliseconds(1500);  // To look at a page before asking.
  Duration form_min = std::chrono::seconds(2);           // To fill in a sign-up form.
  Duration think_min = std::chrono::seconds(2);          // To read an answer before the next.
  double burst_per_second = 1;                           // What leaks from a client's bucket.
  std::uint32_t costly_prompt_tokens = 8192;             // Close to the most a request may cost.
  std::uint32_t costly_output_tokens = 4096;
  double output_weight = 4;  // An output token costs so many prompt tokens.
};

// A prompt that the client had not sent before; `is_shared`: others had.
void NoteNewPrompt(ClientFeatures& client, bool is_shared);
// A request comes; `page` is when its address last loaded one. Returns the time since the client's
// request before, pages apart; none for the first.
std::optional<Duration> NoteArrival(ClientFeatures& client, const RequestFacts& facts,
                                    std::optional<Time> page, const ConductLimits& limits,
                                    Time now);
void NoteDecision(ClientFeatures& client, const RequestFacts& facts, const DecisionFacts& decision,
                  Time now);
void NoteOutcome(ClientFeatures& client, const OutcomeFacts& outcome, const ConductLimits& limits);
void NoteConnection(ClientFeatures& client, const ConnectionFacts& facts);

}  // namespace holdfast::guard
