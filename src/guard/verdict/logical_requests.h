// LogicalRequests: the journal's attempts joined to what callers wanted. A logical request is a
// first attempt and its retries, joined by client, payload and attempt number; what the replay
// needs to know of it beyond the attempts is estimated here: the length of an answer that was
// never written, how long the caller would have waited, and whether and when it would have come
// again (ConductLaws). Weighted records become several requests at jittered times: further
// clients, each with its whole stream, or further requests of the same client.
//
// Only requests for answers (IsGeneration) are here. Immutable after Build; thread-compatible.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "guard/overload/admission.h"
#include "guard/verdict/conduct_laws.h"
#include "guard/verdict/journal.h"

namespace holdfast::guard {

// One attempt as it happened.
struct ObservedAttempt {
  Time arrival{};
  Duration held{0};
  Duration first_token{0};
  Duration retry_after{0};
  Ending ending = Ending::kServed;
  Refusal refusal = Refusal::kNone;
  bool is_good = false;  // Served, token interval within the service level.
  bool is_open = false;
};

struct LogicalRequest {
  Time arrival{};            // Of the first attempt that was seen.
  std::uint64_t draw = 0;    // A seeded hash: thinning and chance go by it.
  std::uint64_t caller = 0;  // Client's name in the replay; copies have their own.
  std::uint32_t client = 0;  // Its number in LogicalRequests::clients.
  std::uint32_t first = 0;   // Its attempts in LogicalRequests::attempts,
  std::uint16_t count = 0;   // so many, shifted by `shift`.
  std::uint16_t kind = 0;    // In ConductLaws.
  Duration shift{0};
  Duration patience_said{0};
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;  // Observed, or drawn from its kind's.
  std::uint32_t tokens_max = 0;
  Route route = Route::kChat;
  Standing standing = Standing::kAnonymous;
  std::uint8_t attempt = 0;  // Number of the first attempt that was seen.
  bool is_batch = false;
};

struct JournalClient {
  std::uint64_t id = 0;  // JournalRecord::client.
  std::uint64_t group = 0;
  double weight = 1;  // Clients it stands for.
};

struct LogicalRequests {
  std::vector<LogicalRequest> requests;  // By arrival.
  std::vector<ObservedAttempt> attempts;
  std::vector<JournalClient> clients;  // By first arrival.
  ConductLaws laws;
  std::size_t attempts_weighted = 0;  // What a replay of everything costs, about.
  bool is_cut = false;                // More than `requests_max`: the rest was left out.
};

struct BuildOptions {
  ServiceLevel level;
  std::size_t requests_max = 1 << 20;
  Duration jitter = std::chrono::seconds(4);    // Of copies, either way.
  Duration join_max = std::chrono::minutes(3);  // Between the end of an attempt and its retry.
};

// `records` by arrival.
LogicalRequests BuildLogicalRequests(std::span<const JournalRecord> records,
                                     const BuildOptions& options, std::uint64_t seed);

// Whether the attempts, one after another, came to an answer within the service level counted from
// the first attempt. One that left an answer which came in time has lost nothing.
bool WasLost(std::span<const ObservedAttempt> attempts, const ServiceLevel& level);

}  // namespace holdfast::guard
