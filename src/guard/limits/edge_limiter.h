// EdgeLimiter: the first word on a request: restrictions first, then rate limits. No allocation, no
// unbounded work; single-threaded.
//
// Limits per source (gcra.h in rate_table.h; their bounds hold here): address, prefix, account,
// key, each by route. A request is charged only if it passes all of its limits, so a refused one
// costs its neighbours nothing.
//
// Many people may stand behind one address. An address and a prefix therefore have three budgets by
// what vouches for the request: nothing, a paid challenge, an account or key. Strangers cannot use
// up what account holders behind the same address live on, and that budget is made for 500 of them;
// what holds one of them back is the limit of their own account or key. At log-in and sign-up,
// where nobody has an account to show, a limit of address or prefix asks for a challenge instead of
// refusing, and so does the limit on log-ins, which is of the pair of address and account tried,
// never of the account alone: nobody can lock another out. Guessing spread over many addresses is
// for the detectors.
//
// Refusals are watched too (heavy_hitters.h): an address that goes on without heed, and from which
// no account holder is served, is refused whatever it asks, and told so, by the rule
// "ignores_refusals". If it still goes on a minute later, and no account in good standing came from
// there for a day, it is pushed down to the kernel.
//
// When tables are full, limits go on (rate_table.h): newcomers share cells.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "guard/clock.h"
#include "guard/facts.h"
#include "guard/limits/gcra.h"
#include "guard/limits/good_standing.h"
#include "guard/limits/heavy_hitters.h"
#include "guard/limits/rate_table.h"
#include "guard/limits/restrictions.h"
#include "guard/refusal.h"

namespace holdfast::guard {

// What vouches for a request towards its address.
enum class Vouch : std::uint8_t { kNothing, kChallenge, kAccount };
inline constexpr int kVouchCount = static_cast<int>(Vouch::kAccount) + 1;

struct EdgeLimits {
  using BySource = std::array<std::array<RateLimit, kVouchCount>, kRouteCount>;  // [route][vouch]
  using ByName = std::array<RateLimit, kRouteCount>;

  // A page is about ten files; 500 people may come at once. kAccount at register and log-in is not
  // used: nobody is vouched for there.
  BySource address = {{
      {{{200, 5000}, {200, 5000}, {200, 5000}}},  // kPage
      {{{0.2, 20}, {2, 500}, {2, 500}}},          // kRegister
      {{{2, 600}, {10, 1000}, {10, 1000}}},       // kLogin
      {{{5, 100}, {10, 200}, {50, 1000}}},        // kChat
      {{{5, 100}, {10, 200}, {100, 2000}}},       // kApi
  }};
  double prefix_factor = 8;  // A prefix may do this many times what an address may.
  // Of kLogin: of the pair of address and account. A person writes a message in two seconds at
  // best.
  ByName account = {{{50, 1000}, {0.2, 20}, {0.1, 20}, {0.5, 30}, {40, 400}}};
  ByName key = {{{50, 1000}, {0.2, 20}, {0.1, 20}, {20, 200}, {20, 200}}};
  RateLimit slow = {0.1, 2};  // Of each client under RestrictionAction::kSlow.
  // New connections of an address, and what it may do where each begins with a TLS handshake, which
  // costs a core a millisecond. A browser opens six: 500 people may come at once.
  RateLimit connections = {500, 10000};
  RateLimit handshakes = {100, 4000};

  // Cells: sources in debt at one moment, 17 bytes each (11 MB in all).
  std::size_t address_cells = 1 << 18;
  std::size_t prefix_cells = 1 << 16;
  std::size_t account_cells = 1 << 18;
  std::size_t key_cells = 1 << 16;
  RestrictionsOptions restrictions;

  // An address is told after so many refusals that surely were its own, where the count halves
  // every half-life: a steady 1.44 * half-life * rate.
  std::size_t watched_max = 1024;
  double heedless_refusals = 1000;
  Duration heedless_half_life = std::chrono::seconds(10);
  Duration told_term = std::chrono::minutes(2);  // Prolonged while it goes on.
  Duration told_min = std::chrono::seconds(60);  // Before it is pushed down.
  Duration push_down_term = std::chrono::minutes(10);
  Duration good_standing_hold = std::chrono::hours(24);
  std::size_t good_standing_max = 1 << 15;
};

// For a service on the Internet, where the above would refuse ordinary callers. What an answer
// costs is the business of admission, which is fair by client and counts tokens; these limits only
// keep requests from costing more to read than to refuse.
//
//   programs    an SDK with 32 calls under way and answers of half a second asks 64 times a second
//               and must go on: a key or account may 200, and so may an address without either,
//               since an installation may have no accounts
//   one office  100 people without accounts behind one IPv4 address, each a message in 15 s and all
//               at once after lunch: an address without an account may chat 20 times a second
//   first day   all of them sign up within minutes; a proof of work is asked beyond 200 at once
EdgeLimits ServiceLimits();

class EdgeLimiter {
 public:
  struct Decision {
    Refusal refusal = Refusal::kNone;
    Duration retry_after{0};          // When it would conform; 0 where waiting does not help.
    RestrictionNotice restriction{};  // The one that refused.
  };

  EdgeLimiter(const EdgeLimits& limits, std::uint64_t seed);

  // Once for each request, in order of time.
  Decision Check(const RequestFacts& facts, Time now);
  // What Check would say, if it refuses: then it counts as that. nullopt: it would not, and nothing
  // is charged or noted.
  std::optional<Decision> CheckIfRefused(const RequestFacts& facts, Time now);

  // Once for each new connection; `is_encrypted`: it begins with a TLS handshake.
  Decision CheckConnection(const Caller& caller, bool is_encrypted, Time now);
  // Whether the address is closed: it is pushed down, or its connections were found hostile. Who
  // wastes connections is refused before the next costs anything, though the kernel is told only
  // once it has gone on.
  Decision CheckAddress(const Caller& caller, Time now);

  // About an address that goes on though it is refused: it is told first, by a refusal, and pushed
  // down if it goes on for told_min. The action and the term of the proposal do not count.
  void OnHeedless(RestrictionProposal proposal, Time now);

  Restrictions& restrictions() { return restrictions_; }
  const Restrictions& restrictions() const { return restrictions_; }
  // The addresses with most refusals of late.
  const HeavyHitters& refused() const { return refused_; }
  // Look-ups answered by a shared cell: above 0, a table is too small for what it sees.
  std::uint64_t shared_count() const;
  std::size_t state_bytes() const;

 private:
  struct SourceGcra {
    std::array<std::array<Gcra, kVouchCount>, kRouteCount> address;
    std::array<std::array<Gcra, kVouchCount>, kRouteCount> prefix;
    std::array<Gcra, kRouteCount> account;
    std::array<Gcra, kRouteCount> key;
    Gcra slow;
    Gcra connections;
    Gcra handshakes;
    Gcra prefix_connections;
  };

  enum class Charging : bool { kNo, kYes };
  Decision Judge(const RequestFacts& facts, Time now, Charging charging);
  Decision CheckRestriction(const RequestFacts& facts, Time now, Charging charging);
  Decision CheckRates(const RequestFacts& facts, Time now, Charging charging);
  Duration Slow(const Caller& caller, Time now, Charging charging);
  void Watch(const RequestFacts& facts, const Decision& decision, Time now);
  void NoteRefused(std::uint64_t address, Time now);

  EdgeLimits limits_;
  SourceGcra gcra_;
  RateTable addresses_;
  RateTable prefixes_;
  RateTable accounts_;
  RateTable keys_;
  Restrictions restrictions_;
  HeavyHitters refused_;
  GoodStanding good_standing_;
};

}  // namespace holdfast::guard
