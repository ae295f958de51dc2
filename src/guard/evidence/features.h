// What is remembered of a client, and of the groups of clients that look alike at the door. A trait
// is what a client did at least once; most come in pairs, the occasion and what was made of it, so
// that nobody is measured by what they had no occasion to do. Value types of ClusterTable.
#pragma once

#include <array>
#include <cstdint>

#include "guard/clock.h"
#include "guard/evidence/connection_facts.h"
#include "guard/facts.h"

namespace holdfast::guard {

enum class Trait : std::uint8_t {
  kNewcomer,    // Never seen before, nor its prefix; an account without history.
  kEntered,     // Asked for more than a page: occasion for kPaged.
  kPaged,       // Its address had loaded a page before it entered.
  kDwelt,       // At least `dwell_min` between that page and entering; occasion: kPaged.
  kServed,      // Was answered to the end: occasion for kRead.
  kRead,        // Took every byte of an answer.
  kReturned,    // Came with a next request after an answer: occasion for kThought, kOverlapped.
  kThought,     // Left the time to read the answer before the next request.
  kOverlapped,  // Came with a next first attempt while the answer was still being written.
  kTold,        // Was told when to come again, and did: occasion for kIgnored.
  kIgnored,     // Came again before the time it was told.
  kStreamed,    // Got first tokens: occasion for kCutShort.
  kCutShort,    // Left in the middle of an answer.
  kCostly,      // Asked for close to the most that one request may cost; occasion: kEntered.
  kGuessed,     // Gave a wrong password; occasion: kEntered by kLogin.
  kRetried,     // Sent a retry that says it is one.
};
inline constexpr int kTraitCount = static_cast<int>(Trait::kRetried) + 1;

// A person in a browser, or a program that was never meant to load a page.
enum class Surface : std::uint8_t { kWeb, kProgram };
inline constexpr int kSurfaceCount = 2;

constexpr Surface SurfaceOf(Route route) {
  return route == Route::kApi ? Surface::kProgram : Surface::kWeb;
}

// Distribution of the times between a client's requests, as log2 of milliseconds in 1/16; integers,
// so that no order of addition shows.
struct GapSums {
  std::uint32_t count = 0;
  std::uint32_t sum = 0;
  std::uint32_t square = 0;  // Of log2 in 1/16, divided by 16.
};

// What clients that look alike have in common. A half-life of `epoch` forgets.
struct GroupFeatures {
  std::uint32_t clients = 0;  // Sampled; times ClusterTable::weight() estimates all.
  std::array<std::uint32_t, kTraitCount> with{};
  GapSums gaps;
  float usual = 0;  // `clients` in quiet time, already weighted.
  std::uint32_t epoch = 0;

  std::uint32_t With(Trait trait) const { return with[static_cast<int>(trait)]; }
};

// The ways in which clients are grouped. Every group also tells apart newcomers from others, web
// from programs, and those who came by a page from those who did not: bots in a browser's clothes
// must not hide among the people who wear the same.
enum class GroupKind : std::uint8_t {
  kDoor,         // Standing and route of entering alone.
  kFingerprint,  // The same headers and TLS hello.
  kPrefix,       // The same network.
  kPayload,      // Near-equal prompts.
};
inline constexpr int kGroupKindCount = static_cast<int>(GroupKind::kPayload) + 1;

struct ClientFeatures {
  std::uint64_t client = 0;  // Caller::client().
  std::uint64_t fingerprint = 0;
  std::uint64_t prefix = 0;
  std::uint64_t payload = 0;  // Of the last request that had one.
  Time first_seen{};
  Time last_seen{};
  Time answered{};    // End of the last answer.
  Time come_again{};  // The earliest time it was told to come again; zero: not told.
  float cost = 0;     // Weighted tokens asked for and got.
  float bucket = 0;   // Requests over one a second in a leaky bucket: the source's own burst.
  std::uint32_t requests = 0;
  std::uint16_t generations = 0;  // These counters stay at their largest value.
  std::uint16_t first_attempts = 0;
  std::uint16_t returns = 0;     // Next requests after an answer,
  std::uint16_t thoughts = 0;    // of which with time to read before,
  std::uint16_t overlaps = 0;    // and while the answer was being written.
  std::uint16_t told = 0;        // Came again after a Retry-After,
  std::uint16_t ignored = 0;     // of which too early.
  std::uint16_t served = 0;      // Answered to the end,
  std::uint16_t read = 0;        // of which read to the end.
  std::uint16_t streamed = 0;    // Got first tokens,
  std::uint16_t cut_short = 0;   // and left in the middle.
  std::uint16_t walked_out = 0;  // Left while waiting for the first token.
  std::uint16_t costly = 0;
  std::uint16_t sign_ups = 0;
  std::uint16_t log_ins = 0;
  std::uint16_t guesses = 0;          // Log-ins with a wrong password.
  std::uint16_t payload_changes = 0;  // Prompts unlike the one before.
  std::uint16_t prompt_changes = 0;   // Prompts of another length than the one before.
  std::array<std::uint16_t, kConnectionEventCount> connections{};
  std::uint16_t in_flight = 0;
  GapSums gaps;
  std::uint32_t prompt_tokens = 0;  // Of the last prompt.
  std::uint32_t traits = 0;         // Bits by Trait.
  std::uint32_t counted = 0;        // Those already added to its groups in `epoch`.
  std::uint32_t epoch = 0;
  Route entry = Route::kPage;  // The first route beyond pages.
  Standing standing = Standing::kAnonymous;
  bool has_account = false;  // An account or a key; else the client is an address.
  bool paid_challenge = false;
  bool counts_as_seen = false;

  bool Has(Trait trait) const { return (traits >> static_cast<int>(trait) & 1U) != 0; }
  Surface surface() const { return SurfaceOf(entry); }
};

}  // namespace holdfast::guard
