// TestTraffic: small synthetic streams for the tests of this folder: people, programs and bots
// whose events are played into a ClusterTable in order of time. Every draw comes from the seed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <variant>
#include <vector>

#include "base/mix.h"
#include "base/random.h"
#include "guard/evidence/cluster_table.h"

namespace holdfast::guard {

class TestTraffic {
 public:
  explicit TestTraffic(std::uint64_t seed) : random_(seed) {}

  static Caller MakeCaller(std::uint64_t id, bool has_account, std::uint64_t fingerprint,
                           std::uint64_t prefix) {
    return {.address = Mix64(id, 10),
            .prefix = prefix != 0 ? prefix : Mix64(id, 11),
            .account = has_account ? Mix64(id, 12) : 0,
            .fingerprint = fingerprint};
  }

  struct Person {
    std::uint64_t id = 0;
    double start_s = 0;
    Standing standing = Standing::kHistory;
    std::uint64_t fingerprint = 1;
    std::uint64_t payload = 0;  // 0: another for each question.
    std::uint64_t prefix = 0;
    int turns = 4;
  };
  // Loads a page, looks at it, asks, reads, thinks, asks again.
  void Add(const Person& person) {
    const Caller caller = MakeCaller(person.id, person.standing != Standing::kAnonymous,
                                     person.fingerprint, person.prefix);
    Caller visitor = caller;
    visitor.account = 0;
    double now = person.start_s;
    Request({.caller = visitor, .route = Route::kPage}, now);
    now += Spread(6, 0.5);
    for (int turn = 0; turn < person.turns; ++turn) {
      const double answer_s = Spread(5, 0.4);
      Ask({.caller = caller,
           .payload = person.payload != 0 ? person.payload : random_.Next(),
           .prompt_tokens = Tokens(),
           .route = Route::kChat,
           .standing = person.standing},
          now, answer_s);
      now += answer_s + 2 + Spread(12, 0.8);
    }
  }

  struct Program {
    std::uint64_t id = 0;
    double start_s = 0;
    double end_s = 60;
    double interval_s = 2;
    double answer_s = 3;  // Longer than the interval: several at once.
    Standing standing = Standing::kHistory;
    std::uint64_t fingerprint = 2;
    Route route = Route::kApi;
    std::uint64_t payload = 0;
    std::uint64_t prefix = 0;
    bool has_account = true;
    double interval_sigma = 1;
  };
  // Asks by the clock. A bot is a program on Route::kChat, or a swarm of them.
  void Add(const Program& program) {
    const Caller caller =
        MakeCaller(program.id, program.has_account, program.fingerprint, program.prefix);
    for (double now = program.start_s; now < program.end_s;
         now += Spread(program.interval_s, program.interval_sigma)) {
      Ask({.caller = caller,
           .payload = program.payload != 0 ? program.payload : random_.Next(),
           .prompt_tokens = Tokens(),
           .route = program.route,
           .standing = program.standing},
          now, program.answer_s);
    }
  }

  void Request(RequestFacts facts, double now_s, DecisionFacts decision = {}) {
    facts.time = AtSeconds(now_s);
    events_.push_back({facts.time, Arrival{facts, decision}});
  }
  void Outcome(OutcomeFacts outcome, double now_s) {
    outcome.time = AtSeconds(now_s);
    events_.push_back({outcome.time, outcome});
  }
  void Ask(const RequestFacts& facts, double now_s, double answer_s) {
    Request(facts, now_s);
    Outcome({.arrival = AtSeconds(now_s),
             .caller = facts.caller,
             .route = facts.route,
             .prompt_tokens = facts.prompt_tokens,
             .output_tokens = 150,
             .first_token = FromSeconds(answer_s / 4),
             .token_interval = FromSeconds(answer_s / 200),
             .was_read = true},
            now_s + answer_s);
  }

  // Plays what was added, in order of time, up to `until_s`, and forgets it.
  void Play(ClusterTable& table, double until_s) {
    std::ranges::stable_sort(events_, {}, &Event::time);
    auto event = events_.begin();
    for (; event != events_.end() && event->time <= AtSeconds(until_s); ++event) {
      if (const auto* arrival = std::get_if<Arrival>(&event->what)) {
        table.OnRequest(arrival->facts, arrival->decision, event->time);
      } else {
        table.OnOutcome(std::get<OutcomeFacts>(event->what));
      }
    }
    events_.erase(events_.begin(), event);
  }

  // Around a median, log-normal.
  double Spread(double median, double sigma) { return median * std::exp(sigma * random_.Normal()); }
  double Uniform(double from, double to) { return from + (to - from) * random_.Uniform(); }

 private:
  struct Arrival {
    RequestFacts facts;
    DecisionFacts decision;
  };
  struct Event {
    Time time;
    std::variant<Arrival, OutcomeFacts> what;
  };

  std::uint32_t Tokens() { return static_cast<std::uint32_t>(Spread(300, 0.8)); }

  Random random_;
  std::vector<Event> events_;
};

}  // namespace holdfast::guard
