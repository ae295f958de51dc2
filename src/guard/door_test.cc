#include "guard/door.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/mix.h"

namespace holdfast::guard {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using What = Door::Word;

RequestFacts Ask(Route route, std::uint64_t account, std::uint64_t address = 0) {
  return {.caller = {.address = address, .prefix = address == 0 ? 0U : 7U, .account = account},
          .prompt_tokens = 100,
          .route = route,
          .standing = Standing::kHistory};
}

DoorOptions Narrow() {
  DoorOptions options;
  options.admission.is_adaptive = false;
  options.admission.in_flight_initial = 1;
  options.admission.output_tokens_initial = 10;
  options.admission.queue_max = 10;
  options.admission.clients_max = 64;
  options.passwords.checks_max = 1;
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
  std::uint64_t ignored() const { return door.counters().events_ignored; }

  Door door;
  std::vector<DoorId> started;
  std::vector<Door::Expired> refused;
};

TEST(Door, AnAnswerWaitsStartsAndEnds) {
  House house;
  const Door::Word first = house.Admit(Ask(Route::kChat, 1), 1);
  const Door::Word second = house.Admit(Ask(Route::kApi, 2), 1);
  EXPECT_EQ(first.what, What::kStart);
  EXPECT_EQ(second.what, What::kWait);
  EXPECT_NE(first.id, 0u);
  EXPECT_NE(second.id, first.id);
  EXPECT_EQ(house.door.Wait(second.id, AtSeconds(1))->place, 1u);
  EXPECT_EQ(house.door.Wait(first.id, AtSeconds(1)), std::nullopt);
  EXPECT_EQ(house.door.counters().admission.waiting, 1u);
  house.door.OnFirstToken(first.id, AtSeconds(2));
  house.End(first.id, 3);
  house.Poll(3);
  EXPECT_EQ(house.started, std::vector<DoorId>{second.id});
  EXPECT_EQ(house.door.Wait(second.id, AtSeconds(3)), std::nullopt);
  house.End(second.id, 4, Ending::kAbandoned);
  EXPECT_EQ(house.door.counters().admission.in_flight, 0u);
  EXPECT_EQ(house.door.NextTime(), Time::max());
  EXPECT_EQ(house.ignored(), 0u);
}

TEST(Door, APageEndsAsItBegins) {
  House house;
  const Door::Word word = house.Admit(Ask(Route::kPage, 0, 5), 1);
  EXPECT_EQ(word.what, What::kStart);
  EXPECT_EQ(word.id, 0u);
  house.End(word.id, 2);
  EXPECT_EQ(house.ignored(), 0u);
}

TEST(Door, ALogInWaitsForItsCheckAndIsKnownAfterIt) {
  House house;
  const Door::Word first = house.Admit(Ask(Route::kLogin, 1, 5), 1);
  const Door::Word second = house.Admit(Ask(Route::kRegister, 0, 6), 1);
  EXPECT_EQ(first.what, What::kStart);
  EXPECT_EQ(second.what, What::kWait);
  EXPECT_NE(second.id, 0u);
  EXPECT_EQ(house.door.Wait(second.id, AtSeconds(1)), std::nullopt);
  EXPECT_EQ(house.door.counters().entrances_waiting, 1u);
  house.End(first.id, 1.1);
  house.Poll(1.1);
  EXPECT_EQ(house.started, std::vector<DoorId>{second.id});
  house.End(second.id, 1.2);
  // A thousand log-ins find places for their ids again.
  for (int i = 0; i < 1000; ++i) {
    const double now = 60 * (1 + i);
    const DoorId id = house.Admit(Ask(Route::kLogin, 1, 5), now).id;
    ASSERT_NE(id, 0u);
    house.End(id, now + 0.1);
  }
  EXPECT_EQ(house.ignored(), 0u);
}

TEST(Door, WaitsThatEndUnservedAreToldOnce) {
  House house;
  house.Admit(Ask(Route::kChat, 1), 1);
  house.Admit(Ask(Route::kLogin, 1, 5), 1);
  const DoorId answer = house.Admit(Ask(Route::kChat, 2), 1).id;
  const DoorId log_in = house.Admit(Ask(Route::kLogin, 2, 6), 1).id;
  house.Poll(40);
  ASSERT_EQ(house.refused.size(), 2u);
  EXPECT_EQ(house.refused[0].id, answer);
  EXPECT_EQ(house.refused[0].refusal, Refusal::kDeadlineUnreachable);
  EXPECT_EQ(house.refused[1].id, log_in);
  EXPECT_EQ(house.refused[1].refusal, Refusal::kQueueFull);
  for (const Door::Expired& expired : house.refused) EXPECT_GE(expired.retry_after, seconds(1));
  house.Poll(41);
  EXPECT_EQ(house.refused.size(), 2u);
}

// Events of a gateway race, and it may lose some.
TEST(Door, IgnoresAndCountsWhatIsLateDoubledOrUnknown) {
  for (const Route route : {Route::kChat, Route::kLogin}) {
    House house;
    const DoorId runs = house.Admit(Ask(route, 1, 5), 1).id;
    const DoorId waits = house.Admit(Ask(route, 2, 6), 1).id;
    house.door.OnFirstToken(waits, AtSeconds(1));
    EXPECT_EQ(house.ignored(), 1u);
    house.Poll(40);
    ASSERT_EQ(house.refused.size(), 1u);
    house.End(waits, 40);
    house.door.OnFirstToken(waits, AtSeconds(40));
    EXPECT_EQ(house.ignored(), 3u);
    house.End(runs, 41);
    EXPECT_EQ(house.ignored(), 3u);
    house.End(runs, 41);
    house.door.OnFirstToken(runs, AtSeconds(41));
    EXPECT_EQ(house.ignored(), 5u);
    // Its place has another guest now.
    const DoorId next = house.Admit(Ask(route, 3, 7), 42).id;
    house.End(runs, 42);
    EXPECT_EQ(house.ignored(), 6u);
    house.End(next, 43);
    for (const DoorId unknown : {DoorId{1}, DoorId{1} << 31, DoorId{1} << 63, ~DoorId{0}}) {
      house.End(unknown, 44);
      house.door.OnFirstToken(unknown, AtSeconds(44));
      EXPECT_EQ(house.door.Wait(unknown, AtSeconds(44)), std::nullopt);
    }
    EXPECT_EQ(house.ignored(), 14u);
    EXPECT_EQ(house.door.counters().admission.in_flight, 0u);
  }
}

TEST(Door, TakesATimeThatGoesBackForTheLatest) {
  House house;
  const DoorId id = house.Admit(Ask(Route::kChat, 1, 5), 100).id;
  const DoorId waits = house.Admit(Ask(Route::kChat, 2, 6), 99).id;
  house.Admit(Ask(Route::kLogin, 2, 6), 98);
  house.door.OnFirstToken(id, AtSeconds(97));
  house.door.OnEngineReport({}, AtSeconds(96));
  house.door.OnConnection({.time = AtSeconds(95), .caller = {.address = 9}});
  house.door.Edge({.address = 9}, AtSeconds(94));
  EXPECT_EQ(house.door.Wait(waits, AtSeconds(1))->place, 1u);
  house.End(id, 93);
  house.Poll(92);
  EXPECT_EQ(house.started, std::vector<DoorId>{waits});
  EXPECT_EQ(house.door.counters().times_clamped, 8u);
}

TEST(Door, DropsConnectionsOfAnAddressThatIsPushedDown) {
  House house;
  house.door.restrictions().Impose({.scope = {ScopeKind::kAddress, 9},
                                    .action = RestrictionAction::kPushDown,
                                    .rule = "test",
                                    .term = minutes(1)},
                                   AtSeconds(10));
  house.door.restrictions().Impose({.scope = {ScopeKind::kAddress, 8}, .rule = "test"},
                                   AtSeconds(10));
  const Door::Word word = house.door.Edge({.address = 9}, AtSeconds(20));
  EXPECT_EQ(word.what, What::kRefuse);
  EXPECT_EQ(word.refusal, Refusal::kUnderAttack);
  EXPECT_EQ(word.retry_after, seconds(50));
  // What is only refused may connect: an account of some history may be behind it.
  EXPECT_EQ(house.door.Edge({.address = 8}, AtSeconds(20)).what, What::kStart);
  RequestFacts stranger = Ask(Route::kPage, 0, 8);
  stranger.standing = Standing::kAnonymous;
  EXPECT_EQ(house.Admit(stranger, 20).refusal, Refusal::kUnderAttack);
  EXPECT_EQ(house.door.Edge({.address = 7}, AtSeconds(20)).what, What::kStart);
  EXPECT_EQ(house.door.Edge({.address = 9}, AtSeconds(70)).what, What::kStart);
  EXPECT_EQ(house.door.counters().edge_refused, 1u);
}

TEST(Door, RefusesWhileNoEngineIsUpAndGoesOnWhenOneIs) {
  House house;
  const DoorId runs = house.Admit(Ask(Route::kChat, 1), 1).id;
  const DoorId waits = house.Admit(Ask(Route::kChat, 2), 1).id;
  house.door.OnEngineReport({.workers_up = 0}, AtSeconds(2));
  house.End(runs, 2, Ending::kFailed);
  for (int i = 0; i < 20; ++i) {
    const Door::Word word = house.Admit(Ask(Route::kApi, 100 + i), 3);
    EXPECT_EQ(word.refusal, Refusal::kEngineDown);
    EXPECT_GE(word.retry_after, seconds(5));
  }
  house.Poll(4);
  EXPECT_TRUE(house.started.empty());
  house.door.OnEngineReport({.workers_up = 1}, AtSeconds(5));
  house.Poll(5);
  EXPECT_EQ(house.started, std::vector<DoorId>{waits});
  EXPECT_EQ(house.door.counters().refused[static_cast<std::size_t>(Refusal::kEngineDown)], 20u);
}

TEST(Door, CountsWhatItSaidByReason) {
  House house;
  for (int i = 0; i < 40; ++i) house.Admit(Ask(Route::kLogin, 1, 5), 1);
  house.Admit(Ask(Route::kPage, 0, 5), 1);
  const DoorCounters counters = house.door.counters();
  const auto count = [&](Refusal refusal) {
    return counters.refused[static_cast<std::size_t>(refusal)];
  };
  EXPECT_EQ(count(Refusal::kNone) + count(Refusal::kChallengeRequired), 41u);
  EXPECT_GT(count(Refusal::kChallengeRequired), 0u);
}

TEST(Door, AChallengeSaysHowHardItIs) {
  House house;
  Door::Word word;
  for (int i = 0; i < 40 && word.what != What::kRefuse; ++i) {
    word = house.Admit(Ask(Route::kLogin, 1, 5), 1);
  }
  EXPECT_EQ(word.refusal, Refusal::kChallengeRequired);
  EXPECT_EQ(word.challenge_bits, ChallengeOptions{}.bits_min);
}

TEST(Door, GivesThePlaceOfALostPasswordCheckToOthers) {
  House house;
  const DoorId lost = house.Admit(Ask(Route::kLogin, 1, 5), 1).id;
  house.Poll(61);
  EXPECT_EQ(house.door.counters().checks_lost, 1u);
  EXPECT_EQ(house.Admit(Ask(Route::kLogin, 2, 6), 61).what, What::kStart);
  house.End(lost, 62);
  EXPECT_EQ(house.ignored(), 1u);
}

// Five quiet minutes of thirty people, then a swarm of newcomers that looks alike, at an engine
// that is short of capacity.
Door::Word AttackedBySwarm(House& house, double from_s) {
  std::vector<DoorId> under_way;
  const auto ask = [&](RequestFacts facts, double now) {
    const Door::Word word = house.Admit(facts, now);
    if (word.what == What::kStart) house.End(word.id, now + 0.001);
    return word;
  };
  for (double now = 1; now < from_s; now += 1) {
    const auto person = static_cast<std::uint64_t>(now) % 30;
    RequestFacts facts = Ask(Route::kChat, 1000 + person, 2000 + person);
    facts.caller.fingerprint = 1 + person % 4;
    facts.payload = static_cast<std::uint64_t>(now);
    ask({.caller = {.address = 2000 + person}, .route = Route::kPage}, now);
    ask(facts, now + 0.5);
    house.Poll(now + 0.6);
  }
  Door::Word last;
  const Door::Word holds = house.Admit(Ask(Route::kChat, 1, 1), from_s);
  EXPECT_EQ(holds.what, What::kStart);
  for (int i = 0; i < 6000; ++i) {
    const double now = from_s + i * 0.005;
    RequestFacts facts = Ask(Route::kChat, 0, 100'000 + static_cast<std::uint64_t>(i) % 3000);
    facts.standing = Standing::kAnonymous;
    facts.caller.prefix = 0;
    facts.caller.fingerprint = 77;
    facts.payload = 5;
    last = house.Admit(facts, now);
    house.started.clear();
    house.Poll(now);
  }
  return last;
}

bool IsByLikeness(Refusal refusal) {
  return refusal == Refusal::kUnderAttack || refusal == Refusal::kChallengeRequired;
}

TEST(Door, LikenessMayBeCountedAndNotEnforced) {
  std::uint64_t counted[2] = {};
  for (const bool enforces : {false, true}) {
    DoorOptions options = Narrow();
    options.enforces_likeness = enforces;
    House house(options);
    const Door::Word last = AttackedBySwarm(house, 300);
    const DoorCounters counters = house.door.counters();
    for (const LikenessCount& count : counters.likeness) counted[enforces] += count.count;
    const auto refused = [&](Refusal refusal) {
      return counters.refused[static_cast<std::size_t>(refusal)];
    };
    EXPECT_EQ(IsByLikeness(last.refusal), enforces);
    EXPECT_EQ(refused(Refusal::kUnderAttack) + refused(Refusal::kChallengeRequired) > 0, enforces);
    EXPECT_EQ(counters.restrictions > 0, enforces);
    EXPECT_TRUE(counters.is_short);
  }
  EXPECT_GT(counted[false], 1000u);
  EXPECT_GT(counted[true], 1000u);
}

TEST(Door, ConnectionsThatAreHeldToBeHostileAreOnlyCountedWhereLikenessIsNotEnforced) {
  for (const bool enforces : {false, true}) {
    DoorOptions options = Narrow();
    options.enforces_likeness = enforces;
    House house(options);
    for (int i = 0; i < 200; ++i) {
      house.door.OnConnection(
          {.time = AtSeconds(10 + i),
           .caller = {.address = 9, .prefix = 90},
           .event = i % 2 == 0 ? ConnectionEvent::kSlowHead : ConnectionEvent::kReset,
           .held = seconds(30)});
    }
    const bool is_dropped = house.door.Edge({.address = 9}, AtSeconds(210)).what == What::kRefuse;
    const LikenessCount count = house.door.counters().likeness.back();
    EXPECT_EQ(count.action, RestrictionAction::kPushDown);
    EXPECT_GT(count.count, 0u);
    EXPECT_EQ(is_dropped, enforces);
  }
}

TEST(Door, LearnsNothingUnderPressureAndForAMinuteAfter) {
  DoorOptions options = Narrow();
  options.admission.is_deadline_aware = false;
  House house(options);
  DoorId runs = house.Admit(Ask(Route::kChat, 1), 1).id;
  EXPECT_TRUE(house.door.counters().is_learning);
  // Ten people ask each second, and the engine answers one of them. No report says so.
  for (int i = 1; i <= 200; ++i) {
    const double now = 4 + 0.1 * i;
    house.Admit(Ask(Route::kChat, 100 + static_cast<std::uint64_t>(i)), now);
    if (i % 10 == 0) house.End(runs, now);
    house.started.clear();
    house.Poll(now);
    if (!house.started.empty()) runs = house.started.front();
  }
  EXPECT_GT(house.door.counters().admission.pressure, 1);
  EXPECT_FALSE(house.door.counters().is_learning);
  house.Poll(60);
  house.Admit(Ask(Route::kPage, 0, 3), 70);
  EXPECT_FALSE(house.door.counters().is_learning);
  for (const double now : {200.0, 202.0}) house.Admit(Ask(Route::kPage, 0, 3), now);
  EXPECT_TRUE(house.door.counters().is_learning);
}

TEST(Door, LearnsNothingWhileRegistrationsAreRestricted) {
  House house;
  for (int i = 0; i < 400; ++i) {
    const double now = 10 + i * 0.02;
    RequestFacts facts = Ask(Route::kRegister, 0, 5000 + static_cast<std::uint64_t>(i));
    facts.caller.prefix = 0;
    facts.form_time = seconds(0);
    const Door::Word word = house.Admit(facts, now);
    if (word.what == What::kStart) house.End(word.id, now);
    house.Poll(now);
  }
  EXPECT_TRUE(house.door.counters().is_registration_restricted);
  house.Admit(Ask(Route::kPage, 0, 3), 20);
  house.Admit(Ask(Route::kPage, 0, 3), 21);
  EXPECT_FALSE(house.door.counters().is_learning);
  // It opens again by polls alone.
  double now = 21;
  for (int i = 0; i < 300 && house.door.counters().is_registration_restricted; ++i) {
    ASSERT_LE(house.door.NextTime(), AtSeconds(now + 1));
    now += 1;
    house.Poll(now);
  }
  EXPECT_FALSE(house.door.counters().is_registration_restricted);
}

}  // namespace
}  // namespace holdfast::guard
