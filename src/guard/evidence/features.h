// What is remembered of a client. A trait is what a client did at least once; most come in pairs,
// the occasion and what was made of it, so that nobody is measured by what they had no occasion to
// do. Value types of ClusterTable.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "guard/clock.h"
#include "guard/evidence/connection_facts.h"
#include "guard/facts.h"

namespace holdfast::guard {

enum class Trait : std::uint8_t {
  kNewcomer,    // Never seen before, nor its prefix: also an old account in a new place.
  kEntered,     // Asked for more than a page: occasion for kPaged, kCostly.
  kPaged,       // Its address had loaded a page before it entered.
  kDwelt,       // At least `dwell_min` between that page and entering; occasion: kPaged.
  kServed,      // Was answered to the end: occasion for kRead.
  kRead,        // Took every byte of an answer.
  kReturned,    // Came with a next request after an answer: occasion for kThought, kOverlapped.
  kThought,     // Left the time to read the answer before the next request.
  kOverlapped,  // Came with a next first attempt while the answer was still being written.
  kTold,      // Was told when to come again: occasion for kIgnored. (Who heeds it or leaves is not
              // seen again soon; counting those who return would count the hasty alone.)
  kIgnored,   // Came again before the time it was told.
  kStreamed,  // Got first tokens: occasion for kCutShort.
  kCutShort,  // Left in the middle of an answer.
  kCostly,    // Asked for close to the most that one request may cost.
  kAskedAgain,  // Sent a second prompt unlike the first: occasion for kEchoed.
  kEchoed,      // Sent two that others had sent before it.
  kLoggedIn,    // Tried to: occasion for kGuessed.
  kGuessed,     // Gave a wrong password.
  kRepeated,    // Asked again, twice, what it had been answered; occasion: kReturned.
  kStalled,     // Held a connection without a request, or slowly.
};
inline constexpr int kTraitCount = static_cast<int>(Trait::kStalled) + 1;

constexpr std::uint32_t Bit(Trait trait) { return 1U << static_cast<int>(trait); }

// A person in a browser, a program that was never meant to load a page, or neither yet.
enum class Surface : std::uint8_t { kWeb, kProgram, kVisit };
inline constexpr int kSurfaceCount = static_cast<int>(Surface::kVisit) + 1;

constexpr Surface SurfaceOf(Route entry) {
  return entry == Route::kApi    ? Surface::kProgram
         : entry == Route::kPage ? Surface::kVisit
                                 : Surface::kWeb;
}

// Times between requests as log2 of milliseconds in 1/16: integers, so that no order of addition
// shows.
struct GapSums {
  std::uint64_t sum = 0;
  std::uint64_t square = 0;
  std::uint32_t count = 0;

  void Add(Duration gap);
  void Add(const GapSums& other);
  void Halve();
  double Deviation() const;  // Of log2; 0 with fewer than two.
};

// What was known of a client or its network before it came.
enum class SeenBefore : std::uint8_t { kNo, kPrefix, kClient };

struct ClientFeatures {
  std::uint64_t client = 0;  // Caller::client().
  std::uint64_t fingerprint = 0;
  std::uint64_t prefix = 0;
  std::uint64_t payload = 0;  // Of the last request that had one.
  Time first_seen{};
  Time last_seen{};
  Time requested{};   // The last request that was not for a page.
  Time answered{};    // End of the last answer.
  Time come_again{};  // The earliest time it was told to come again; zero: not told.
  float cost = 0;     // Weighted tokens asked for and got.
  float burst = 0;    // Fill of a leaky bucket of its requests.
  float burst_max = 0;
  std::uint32_t requests = 0;
  std::uint16_t pages = 0;  // These counters stay at their largest value.
  std::uint16_t generations = 0;
  std::uint16_t repeats = 0;    // Next requests with the prompt that had been answered.
  std::uint16_t served = 0;     // Answered to the end,
  std::uint16_t read = 0;       // of which read to the end.
  std::uint16_t streamed = 0;   // Got first tokens,
  std::uint16_t cut_short = 0;  // of which left in the middle.
  std::uint16_t costly = 0;
  std::uint16_t sign_ups = 0;
  std::uint16_t log_ins = 0;
  std::uint16_t guesses = 0;              // Log-ins with a wrong password.
  std::uint16_t prompts = 0;              // Prompts unlike each other,
  std::uint16_t shared_prompts = 0;       // of which others had sent before it.
  std::uint16_t rushed_forms = 0;         // Sign-ups filled in faster than a person can.
  std::uint16_t fingerprint_changes = 0;  // Many: an address that people share.
  std::uint16_t in_flight = 0;
  std::array<std::uint16_t, kConnectionEventCount> connections{};
  std::uint32_t traits = 0;           // Bits by Trait.
  std::uint32_t counted = 0;          // Those already added to its groups in `epoch`,
  std::uint32_t payload_counted = 0;  // and to the group of its payload.
  std::uint32_t epoch = 0;
  Route entry = Route::kPage;  // The first route beyond pages.
  Standing standing = Standing::kAnonymous;
  SeenBefore seen = SeenBefore::kNo;
  bool has_account = false;  // An account or a key; else the client is an address.

  bool Has(Trait trait) const { return (traits & Bit(trait)) != 0; }
  void Set(Trait trait) { traits |= Bit(trait); }
  Surface surface() const { return SurfaceOf(entry); }
  // Maybe several people behind one address: what looks like haste is their number. Each of them
  // came by a page or has a make of its own, so that for a hundred requests two pages are too few.
  bool is_shared() const {
    constexpr std::uint32_t kRequestsOfOne = 10;
    if (has_account || (fingerprint_changes < 3 && pages < 2)) return false;
    return requests <= kRequestsOfOne * std::max(pages, fingerprint_changes);
  }
};

}  // namespace holdfast::guard
