// A door for tests, with room for one answer, what its polls say, and requests that come to it. For
// tests only; single-threaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "guard/door.h"

namespace holdfast::guard {

inline RequestFacts Ask(Route route, std::uint64_t account, std::uint64_t address = 0) {
  return {.caller = {.address = address, .prefix = address == 0 ? 0U : 7U, .account = account},
          .prompt_tokens = 100,
          .route = route,
          .standing = Standing::kHistory};
}

inline DoorOptions Narrow() {
  DoorOptions options;
  options.admission.is_adaptive = false;
  options.admission.in_flight_initial = 1;
  options.admission.output_tokens_initial = 10;
  options.admission.queue_max = 10;
  options.admission.clients_max = 64;
  options.passwords.checks_max = 1;
  // Tests of likeness are quiet for minutes first.
  options.settle = std::chrono::seconds(0);
  options.warm_after = std::chrono::seconds(100);
  return options;
}

// A door and what its polls say.
class House {
 public:
  explicit House(const DoorOptions& options = Narrow()) : door(options) {}

  Door::Word Admit(const RequestFacts& facts, double now_s) {
    return door.Admit(facts, AtSeconds(now_s));
  }
  void Poll(double now_s) { door.Poll(AtSeconds(now_s), started, refused); }
  void End(DoorId id, double now_s, Ending ending = Ending::kServed) {
    door.End(id, {.time = AtSeconds(now_s), .caller = {}, .ending = ending, .output_tokens = 10});
  }
  // One a second from 10 s on, from one address: what nobody but an attacker does so often.
  void WasteConnections(int count) {
    for (int i = 0; i < count; ++i) {
      door.OnConnection({.time = AtSeconds(10 + i),
                         .caller = {.address = 9, .prefix = 90},
                         .event = i % 2 == 0 ? ConnectionEvent::kSlowHead : ConnectionEvent::kReset,
                         .held = std::chrono::seconds(30)});
    }
  }
  std::uint64_t ignored() const { return door.counters().events_ignored; }

  Door door;
  std::vector<DoorId> started;
  std::vector<Door::Expired> refused;
};

inline std::string Save(const Door& door) {
  std::string state;
  for (std::size_t part = 0; part < Door::kStateParts; ++part) door.Save(part, state);
  return state;
}

// A crowd of likes from the first second on, at an engine that answers one of them a second. True
// if it was learned from at any time.
inline bool LivesUnderAttack(House& house, double from_s, double to_s) {
  bool has_learned = false;
  DoorId runs = 0;
  for (int i = 0; from_s + 0.05 * i < to_s; ++i) {
    const double now = from_s + 0.05 * i;
    RequestFacts facts = Ask(Route::kChat, 0, 100'000 + static_cast<std::uint64_t>(i) % 3000);
    facts.standing = Standing::kAnonymous;
    facts.caller.prefix = 0;
    facts.caller.fingerprint = 77;
    facts.payload = 5;
    const Door::Word word = house.Admit(facts, now);
    if (word.what == Door::Word::kStart) runs = word.id;
    if (i % 20 == 0 && runs != 0) house.End(runs, now);
    house.started.clear();
    house.Poll(now);
    if (!house.started.empty()) runs = house.started.front();
    if (i % 100 == 0) {
      house.door.OnConnection({.time = AtSeconds(now),
                               .caller = {.address = 9, .prefix = 90},
                               .event = ConnectionEvent::kSlowHead,
                               .held = std::chrono::seconds(30)});
    }
    has_learned = has_learned || house.door.counters().is_learning;
  }
  if (runs != 0) house.End(runs, to_s, Ending::kFailed);
  return has_learned;
}

}  // namespace holdfast::guard
