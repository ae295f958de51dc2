// What does a decision of the guard cost, in nanoseconds and in bytes of state, and how does it
// hold when a million sources come? One core. Counters: state_bytes, of the thing measured; refused
// and shared, the shares of requests that were refused and that were judged by a shared cell.
// `MakeRequest` is what making up a request takes; it is part of the others.
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/mix.h"
#include "guard/door.h"
#include "guard/entrance/registration.h"
#include "guard/limits/edge_limiter.h"
#include "guard/limits/gcra.h"
#include "guard/limits/heavy_hitters.h"
#include "guard/limits/rate_table.h"
#include "guard/overload/admission.h"

namespace holdfast::bench {
namespace {

using guard::Duration;
using guard::EdgeLimiter;
using guard::EdgeLimits;
using guard::Refusal;
using guard::RequestFacts;
using guard::Route;
using guard::Time;

constexpr std::uint64_t kSeed = 1;

// Requests `gap` apart from sources in random order, four to a prefix.
class Requests {
 public:
  Requests(std::uint64_t sources, Route route, bool has_account, Duration gap = Duration(1))
      : sources_(sources), route_(route), has_account_(has_account), gap_(gap) {}

  RequestFacts Next() {
    const std::uint64_t source = Mix64(++count_) % sources_;
    RequestFacts facts;
    facts.time = Time(gap_ * static_cast<Duration::rep>(count_));
    facts.route = route_;
    facts.caller.address = Mix64(source, 1);
    facts.caller.prefix = Mix64(source / 4, 2);
    facts.caller.account = has_account_ ? Mix64(source, 3) : 0;
    facts.caller.fingerprint = Mix64(source % 50, 4);
    return facts;
  }

 private:
  std::uint64_t sources_;
  Route route_;
  bool has_account_;
  Duration gap_;
  std::uint64_t count_ = 0;
};

void MakeRequest(benchmark::State& state) {
  Requests requests(1'000'000, Route::kChat, true);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(requests.Next());
}
BENCHMARK(MakeRequest);

void Measure(benchmark::State& state, EdgeLimiter& limiter, Requests& requests) {
  std::int64_t refused = 0;
  for ([[maybe_unused]] auto _ : state) {
    const RequestFacts facts = requests.Next();
    if (limiter.Check(facts, facts.time).refusal != Refusal::kNone) ++refused;
  }
  const auto decisions = static_cast<double>(state.iterations());
  state.counters["refused"] = static_cast<double>(refused) / decisions;
  state.counters["shared"] = static_cast<double>(limiter.shared_count()) / decisions;
  state.counters["state_bytes"] = static_cast<double>(limiter.state_bytes());
}

// Tables as they are by default, at 100,000 requests a second.
void EdgeCheck(benchmark::State& state) {
  EdgeLimiter limiter({}, kSeed);
  Requests requests(static_cast<std::uint64_t>(state.range(0)), Route::kChat, true, Duration(10));
  Measure(state, limiter, requests);
}
BENCHMARK(EdgeCheck)->Arg(1'000)->Arg(1'000'000);

// Tables with a cell for each of a million sources, all of them in debt at once.
void EdgeCheckSizedForAMillion(benchmark::State& state) {
  EdgeLimits limits;
  limits.address_cells = 1 << 20;
  limits.account_cells = 1 << 20;
  EdgeLimiter limiter(limits, kSeed);
  Requests requests(1'000'000, Route::kChat, true);
  Measure(state, limiter, requests);
}
BENCHMARK(EdgeCheckSizedForAMillion);

// A million strangers in debt on tables for a quarter of them.
void EdgeCheckWhenFull(benchmark::State& state) {
  EdgeLimiter limiter({}, kSeed);
  Requests requests(1'000'000, Route::kRegister, false);
  Measure(state, limiter, requests);
}
BENCHMARK(EdgeCheckWhenFull);

// With restrictions on 10,000 other addresses: five look-ups more.
void EdgeCheckUnderRestrictions(benchmark::State& state) {
  EdgeLimiter limiter({}, kSeed);
  for (std::uint64_t address = 1; address <= 10'000; ++address) {
    limiter.restrictions().Impose({.scope = {guard::ScopeKind::kAddress, Mix64(address, 9)},
                                   .rule = "bench",
                                   .term = std::chrono::hours(1)},
                                  Time{});
  }
  Requests requests(1'000'000, Route::kChat, true, Duration(10));
  Measure(state, limiter, requests);
}
BENCHMARK(EdgeCheckUnderRestrictions);

// One look-up and charge, all of a million sources in debt.
void RateTableFind(benchmark::State& state) {
  guard::RateTable table(1 << 20, kSeed);
  const guard::Gcra gcra({.rate = 0.1, .burst = 10});
  std::uint64_t count = 0;
  for ([[maybe_unused]] auto _ : state) {
    const Time now(Duration(static_cast<Duration::rep>(++count)));
    Time& tat = table.Find(Mix64(count) % 1'000'000 + 1, now);
    if (gcra.Wait(tat, now) == Duration(0)) tat = gcra.Charge(tat, now);
  }
  const auto decisions = static_cast<double>(state.iterations());
  state.counters["shared"] = static_cast<double>(table.shared_count()) / decisions;
  state.counters["state_bytes"] = static_cast<double>(table.state_bytes());
}
BENCHMARK(RateTableFind);

// Names that come once each: every one of them displaces another.
void HeavyHittersFlood(benchmark::State& state) {
  guard::HeavyHitters sketch(1024);
  std::uint64_t count = 0;
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(sketch.Add(Mix64(++count)));
  state.counters["state_bytes"] = static_cast<double>(sketch.state_bytes());
}
BENCHMARK(HeavyHittersFlood);

void SignUpFlood(benchmark::State& state) {
  guard::RegistrationPolicy policy;
  Requests requests(1'000'000, Route::kRegister, false);
  for ([[maybe_unused]] auto _ : state) {
    const RequestFacts facts = requests.Next();
    benchmark::DoNotOptimize(policy.OnSignUp(facts, facts.time));
  }
  state.counters["state_bytes"] = static_cast<double>(policy.state_bytes());
}
BENCHMARK(SignUpFlood);

// An engine that holds a hundred answers and ends them in order, 200 a second; a poll after every
// event, as the gateway does it.
class AdmittedService {
 public:
  AdmittedService() : admission_(Options()) {}

  // Everything that happens until the next arrival, `interval` later, and its decision.
  bool Arrive(RequestFacts facts, Duration interval) {
    const Time arrival = now_ + interval;
    while (!first_tokens_.empty() || !ends_.empty()) {
      const bool is_end = first_tokens_.empty() ||
                          (!ends_.empty() && ends_.front().first < first_tokens_.front().first);
      auto& queue = is_end ? ends_ : first_tokens_;
      const auto [time, ticket] = queue.front();
      if (time > arrival) break;
      queue.pop_front();
      now_ = time;
      if (is_end) {
        admission_.OnFinish(ticket, 200, guard::Ending::kServed, now_);
      } else {
        admission_.OnFirstToken(ticket, now_);
        ends_.emplace_back(now_ + kResidence * 9 / 10, ticket);
      }
      Poll();
    }
    now_ = arrival;
    const guard::Admission::Offer offer = admission_.Request(facts, now_);
    if (offer.what == guard::Admission::Offer::kStart) Start(offer.id);
    Poll();
    return offer.what != guard::Admission::Offer::kRefuse;
  }

  static constexpr std::int64_t kRate = 200;  // Answers a second.

 private:
  static constexpr std::uint32_t kInFlight = 100;
  static constexpr Duration kResidence{1'000'000 * kInFlight / kRate};

  static guard::AdmissionOptions Options() {
    guard::AdmissionOptions options;
    options.in_flight_initial = kInFlight;
    options.is_adaptive = false;
    return options;
  }

  void Start(guard::TicketId ticket) { first_tokens_.emplace_back(now_ + kResidence / 10, ticket); }

  void Poll() {
    started_.clear();
    expired_.clear();
    admission_.Poll(now_, started_, expired_);
    for (const guard::TicketId ticket : started_) Start(ticket);
  }

  guard::Admission admission_;
  Time now_{};
  std::deque<std::pair<Time, guard::TicketId>> first_tokens_;
  std::deque<std::pair<Time, guard::TicketId>> ends_;
  std::vector<guard::TicketId> started_;
  std::vector<guard::Admission::Expired> expired_;
};

// A request and all that follows from it (polls, first token, end), at this percentage of capacity
// and from so many clients.
void AdmitAtLoad(benchmark::State& state) {
  AdmittedService service;
  Requests requests(static_cast<std::uint64_t>(state.range(1)), Route::kChat, true);
  const Duration interval(100'000'000 / (AdmittedService::kRate * state.range(0)));
  std::int64_t refused = 0;
  for ([[maybe_unused]] auto _ : state) {
    RequestFacts facts = requests.Next();
    facts.prompt_tokens = 600;
    facts.standing = guard::Standing::kHistory;
    if (!service.Arrive(facts, interval)) ++refused;
  }
  state.counters["refused"] =
      static_cast<double>(refused) / static_cast<double>(state.iterations());
}
BENCHMARK(AdmitAtLoad)
    ->Args({90, 1'000})
    ->Args({150, 10'000})
    ->Args({2000, 10'000})
    ->Args({2000, 1'000'000});

// One answer at the whole door, from Admit to End, each event with its poll; 200 a second of so
// many clients, none of them refused.
void DoorAdmitAndEnd(benchmark::State& state) {
  guard::DoorOptions options;
  options.limits = guard::ServiceLimits();
  options.enforces_likeness = false;
  options.seed = kSeed;
  guard::Door door(options);
  Requests requests(static_cast<std::uint64_t>(state.range(0)), Route::kChat, true, Duration(5000));
  std::vector<guard::DoorId> started;
  std::vector<guard::Door::Expired> refused;
  std::int64_t not_let_in = 0;
  for ([[maybe_unused]] auto _ : state) {
    RequestFacts facts = requests.Next();
    facts.prompt_tokens = 600;
    facts.standing = guard::Standing::kHistory;
    const guard::Door::Word word = door.Admit(facts, facts.time);
    door.Poll(facts.time, started, refused);
    if (word.what != guard::Door::Word::kStart) ++not_let_in;
    door.OnFirstToken(word.id, facts.time + Duration(1000));
    door.Poll(facts.time + Duration(1000), started, refused);
    door.End(word.id, {.time = facts.time + Duration(4000), .caller = {}, .output_tokens = 100});
    door.Poll(facts.time + Duration(4000), started, refused);
  }
  state.counters["refused"] =
      static_cast<double>(not_let_in) / static_cast<double>(state.iterations());
}
BENCHMARK(DoorAdmitAndEnd)->Arg(1'000)->Arg(1'000'000);

}  // namespace
}  // namespace holdfast::bench

BENCHMARK_MAIN();
