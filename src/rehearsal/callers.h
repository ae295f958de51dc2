// Callers: what each kind of group does. Written from what is known of people, of stock clients
// and of attacks, and from nothing of how the service defends itself. Single-threaded.
//
// The kinds are split by what they have in common: chat (people, programs, floods, loops), holders
// of connections, account acts. Faults have no callers (rehearsal/run.cc).
#pragma once

#include <cstdint>
#include <optional>

#include "rehearsal/arrivals.h"
#include "rehearsal/ask.h"

namespace holdfast::rehearsal {

// One who came, with what is drawn for it.
struct Visit {
  Stage* stage = nullptr;
  const Group* group = nullptr;
  std::uint32_t number = 0;  // The group's opaque one.
  std::uint32_t client = 0;
  std::uint64_t random_seed = 0;
  Micros due = 0;
  std::optional<Size> size;
};

// Before the page, as people do.
bool SpeaksAsBrowser(GroupKind kind);

// Wishes that one visit of that group stands for.
double WishesPerVisit(const Group& group);

// A visit from its beginning to its end, whatever the kind.
net::Awaitable<void> RunVisit(Visit visit, Stage::Presence presence);

// How a client tries again.
struct RetryRule {
  int retries_max = 2;
  bool heeds = true;     // Retry-After and x-should-retry.
  double first_s = 0.5;  // Doubles, less up to a quarter,
  double last_s = 8;     // up to this.
  double heeded_s_max = 60;
};
inline constexpr RetryRule kSdkRule{};
inline constexpr RetryRule kNaiveRule{3, false, 0, 0, 0};
// Seconds until the next attempt after the `retry`-th; nullopt: none.
std::optional<double> RetryAfter(const RetryRule& rule, const Reply& reply, int retry,
                                 double uniform);

// The parts of RunVisit.
Caller MakeCaller(const Visit& visit);
net::Awaitable<void> RunPerson(const Visit& visit);
net::Awaitable<void> RunProgram(const Visit& visit, const RetryRule& rule);
net::Awaitable<void> RunOnce(const Visit& visit);
net::Awaitable<void> RunLoop(const Visit& visit);
net::Awaitable<void> RunHolder(const Visit& visit);
net::Awaitable<void> RunGuess(const Visit& visit);
net::Awaitable<void> RunSignUp(const Visit& visit);

http::ClientRequest ChatRequest(const Visit& visit, const Caller& caller,
                                drill::RandomStream& random);

}  // namespace holdfast::rehearsal
