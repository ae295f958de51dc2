// LogicalRequests: the journal's attempts joined to what callers wanted. A logical request is a
// first attempt and its retries, joined by client, payload and attempt number; what the replay
// needs beyond the attempts is estimated here: the length of an answer that was never written, how
// long the caller would have waited, and whether and when it would have come again (ConductLaws).
// A weighted record becomes several requests at jittered times: of further clients, each with its
// whole stream, or of the same client.
//
// People's requests hang together (Route::kChat): who is answered goes on with the conversation,
// who is not goes away. So a turn that was taken after an answer is linked to that, and after a
// request that had none stand the turns that were never taken for it. Without them a world that
// serves more would seem to want no more than was wanted where people were turned away.
//
// Only requests for answers (IsGeneration). Immutable once built; thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "verdict/conduct_laws.h"
#include "verdict/journal.h"

namespace holdfast::verdict {

// One attempt as it happened.
struct ObservedAttempt {
  Time arrival{};
  Duration held{0};
  Duration first_token{0};
  Duration token_interval{0};
  Duration retry_after{0};
  Ending ending = Ending::kServed;
  Refusal refusal = Refusal::kNone;
  bool is_open = false;  // `held` so far.

  Time end() const { return arrival + held; }
};

struct LogicalRequest {
  static constexpr std::uint32_t kNone = ~0U;

  Time arrival{};            // Of the first attempt that was seen; Time::max(): never taken.
  std::uint64_t draw = 0;    // A seeded hash: what is left to chance goes by it.
  std::uint64_t caller = 0;  // The client's name in the replay; copies have their own.
  std::uint32_t client = 0;  // Its number in LogicalRequests::clients.
  std::uint32_t first = 0;   // Its attempts in LogicalRequests::attempts,
  std::uint16_t count = 0;   // so many,
  Duration shift{0};         // each later by this.
  std::uint16_t kind = 0;    // In LogicalRequests::laws.
  Duration patience_said{0};
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;  // Observed, or drawn from its kind's.
  std::uint32_t tokens_max = 0;
  Route route = Route::kChat;
  Standing standing = Standing::kAnonymous;
  std::uint8_t attempt = 0;  // Number of the first attempt that was seen.
  bool is_batch = false;
  bool is_regular = false;
  bool leaves_midway = false;       // Of its own will, with output_tokens written.
  std::uint32_t previous = kNone;   // Comes only if the caller of this one has not given up on it.
  std::uint32_t next_turn = kNone;  // Never taken; comes `pause` after an answer to this one.
  Duration pause{0};                // Of a turn that was never taken.

  bool was_taken() const { return arrival != Time::max(); }
};

struct JournalClient {
  std::uint64_t id = 0;  // JournalRecord::client.
  std::uint64_t group = 0;
  double clients = 1;  // For which it stands.
};

struct LogicalRequests {
  std::vector<LogicalRequest> requests;  // By arrival; turns that were never taken are last.
  std::vector<ObservedAttempt> attempts;
  std::vector<JournalClient> clients;  // By id.
  ConductLaws laws;
  bool is_cut = false;  // There were more than BuildOptions::requests_max; the last are missing.

  std::span<const ObservedAttempt> AttemptsOf(const LogicalRequest& request) const {
    return std::span(attempts).subspan(request.first, request.count);
  }
};

struct BuildOptions {
  Time from{};  // Requests that first arrive in [from, to); laws are learned from all records.
  Time to{};
  std::size_t requests_max = 1 << 20;
  Duration jitter = std::chrono::seconds(4);    // Of copies, either way.
  Duration join_max = std::chrono::minutes(3);  // From the end of an attempt to its retry.
};

// `records` by arrival.
LogicalRequests BuildLogicalRequests(std::span<const JournalRecord> records,
                                     const BuildOptions& options, std::uint64_t seed);

// Whether no attempt came to an answer within the service level, the first token counted from the
// arrival of the first attempt; one that still waits for it may be in time yet. Who leaves an
// answer that came in time has lost nothing.
bool WasLost(std::span<const ObservedAttempt> attempts, const ServiceLevel& level);

}  // namespace holdfast::verdict
