// Rows for tests: one of each kind with every field set, and many that are told apart by their id.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "journal/row.h"

namespace holdfast::journal {

inline guard::Time AtMicros(std::int64_t micros) { return guard::Time(guard::Duration(micros)); }

inline guard::Caller SomeCaller() {
  return {.address = 0x1111'2222'3333'4444,
          .prefix = 2,
          .account = 3,
          .key = ~std::uint64_t{0},
          .fingerprint = 5};
}

inline Asked SomeAsked() {
  using std::chrono::milliseconds;
  Asked asked{.id = 0x1'0000'0002,
              .facts = {},
              .what = guard::Door::Word::kRefuse,
              .refusal = guard::Refusal::kEngineDown,
              .retry_after = milliseconds(1500),
              .wait = milliseconds(42)};
  asked.facts = {.time = AtMicros(2'000'000),
                 .caller = SomeCaller(),
                 .payload = 6,
                 .prompt_tokens = 7,
                 .prompt_bytes = 8,
                 .tokens_max = 9,
                 .choices = 10,
                 .patience = milliseconds(60'000),
                 .route = guard::Route::kApi,
                 .standing = guard::Standing::kHistory,
                 .attempt = 11,
                 .is_batch = true,
                 .paid_challenge = true,
                 .is_regular = true,
                 .form_time = milliseconds(12),
                 .has_disposable_mail = true,
                 .has_invitation = true};
  return asked;
}

// One of each kind, at 2 s.
inline std::vector<Row> OneOfEach() {
  using std::chrono::milliseconds;
  const guard::Time at = AtMicros(2'000'000);
  Engine engine{.report = {},
                .in_flight = 6,
                .waiting = 7,
                .in_flight_limit = 8.5,
                .capacity = 9.5,
                .pressure = 10.5,
                .edge_refused = 11};
  engine.report = {.running = 1,
                   .waiting = 2,
                   .sequences_max = 3,
                   .free_cache_share = 0.25,
                   .workers_up = 4,
                   .workers_total = 5,
                   .tokens_per_s = 11.5};
  return {
      {at, Gap{GapCause::kDisk, AtMicros(-1), AtMicros(1'999'999), 77}},
      {at, SomeAsked()},
      {at, Decided{9, guard::Refusal::kQueueFull, milliseconds(3)}},
      {at, FirstToken{9}},
      {at, Ended{.id = 9,
                 .held = milliseconds(100),
                 .ending = guard::Ending::kFailed,
                 .refusal = guard::Refusal::kShed,
                 .prompt_tokens = 1,
                 .output_tokens = 2,
                 .first_token = milliseconds(3),
                 .token_interval = guard::Duration(4),
                 .was_read = true,
                 .failed_login = true}},
      {at, Connection{SomeCaller(), guard::ConnectionEvent::kReset, milliseconds(9)}},
      {at, engine},
      {at, RestrictionChange{.id = 1,
                             .event = guard::RestrictionEvent::kDisplaced,
                             .scope = {guard::ScopeKind::kFingerprint, 2},
                             .action = guard::RestrictionAction::kPushDown,
                             .expires = AtMicros(3),
                             .by = 4,
                             .rule = "hostile_connections",
                             .detector = "fingerprint_concentration",
                             .llr = 5.5F}},
      {at, RegistrationSwitch{true, true, 1.5, 2.5}},
      {at, RungChange{guard::Rung::kShorterAnswers, guard::Rung::kHistoryOnly, 3.5}},
  };
}

// The `number`th of many, a millisecond apart.
inline Row Numbered(std::uint64_t number) {
  return {AtMicros(static_cast<std::int64_t>(1000 * number)), FirstToken{number}};
}

}  // namespace holdfast::journal
