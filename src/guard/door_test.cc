#include "guard/door.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/mix.h"
#include "guard/test_house.h"

namespace holdfast::guard {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using What = Door::Word;

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
Door::Word AttackedBySwarm(House& house, double from_s, double begin_s = 0) {
  std::vector<DoorId> under_way;
  const auto ask = [&](RequestFacts facts, double now) {
    const Door::Word word = house.Admit(facts, now);
    if (word.what == What::kStart) house.End(word.id, now + 0.001);
    return word;
  };
  for (double now = begin_s + 1; now < from_s; now += 1) {
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

TEST(Door, LikenessIsEnforcedFromTheMomentThatItIsSaidAndSoIsItsEnd) {
  DoorOptions options = Narrow();
  options.enforces_likeness = false;
  House house(options);
  house.door.SetEnforcesLikeness(true);
  const Door::Word refused = AttackedBySwarm(house, 300);
  EXPECT_TRUE(IsByLikeness(refused.refusal));
  EXPECT_NE(refused.restriction.id, 0u) << "whoever is refused learns by which decision";
  EXPECT_EQ(refused.restriction.rule, kHostileClusterRule);
  EXPECT_GT(refused.restriction.expires, AtSeconds(329));
  const std::uint64_t counted = house.door.counters().restrictions;
  house.door.SetEnforcesLikeness(false);
  for (std::uint64_t i = 0; i < 100; ++i) {
    RequestFacts facts = Ask(Route::kChat, 0, 500'000 + i);
    facts.standing = Standing::kAnonymous;
    facts.caller.prefix = 0;
    facts.caller.fingerprint = 77;
    facts.payload = 5;
    EXPECT_FALSE(IsByLikeness(house.Admit(facts, 330).refusal));
  }
  EXPECT_LE(house.door.counters().restrictions, counted);
}

TEST(Door, WhoWastesConnectionsIsRefusedAtTheEdgeBeforeTheKernelIsTold) {
  DoorOptions options = Narrow();
  options.warm_after = seconds(0);
  House house(options);
  house.WasteConnections(40);
  EXPECT_EQ(house.door.Edge({.address = 9}, AtSeconds(50)).what, What::kRefuse);
  EXPECT_EQ(house.door.Edge({.address = 8}, AtSeconds(50)).what, What::kStart);
  const auto decisions = house.door.restrictions().List(AtSeconds(50));
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_EQ(decisions[0].what.action, RestrictionAction::kRefuse);
}

TEST(Door, ConnectionsThatAreHeldToBeHostileAreOnlyCountedWhereLikenessIsNotEnforced) {
  for (const bool enforces : {false, true}) {
    DoorOptions options = Narrow();
    options.enforces_likeness = enforces;
    House house(options);
    house.WasteConnections(200);
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
  house.Admit(Ask(Route::kPage, 0, 3), 3);
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

std::uint64_t Accused(const Door& door) {
  std::uint64_t accused = 0;
  for (const LikenessCount& count : door.counters().likeness) accused += count.count;
  return accused;
}

TEST(Door, AStartDuringAnAttackAccusesNobodyAndTeachesNothing) {
  DoorOptions options = Narrow();
  options.admission.is_deadline_aware = false;
  options.settle = DoorOptions().settle;
  options.warm_after = DoorOptions().warm_after;
  House house(options);
  EXPECT_FALSE(LivesUnderAttack(house, 1, 900));
  EXPECT_TRUE(house.door.counters().is_short);
  EXPECT_FALSE(house.door.counters().is_warm);
  EXPECT_EQ(Accused(house.door), 0u);
  EXPECT_EQ(house.door.counters().restrictions, 0u);
}

// Thirty people, a page and a question a second.
void LiveQuietly(House& house, double from_s, double to_s) {
  for (double now = from_s; now < to_s; now += 1) {
    const auto person = static_cast<std::uint64_t>(now) % 30;
    RequestFacts facts = Ask(Route::kChat, 1000 + person, 2000 + person);
    house.Admit({.caller = {.address = 2000 + person}, .route = Route::kPage}, now);
    const Door::Word word = house.Admit(facts, now + 0.5);
    if (word.what == What::kStart) house.End(word.id, now + 0.501);
    house.Poll(now + 0.6);
  }
}

TEST(Door, IsWarmOnceItHasLearnedForLongEnough) {
  DoorOptions options = Narrow();
  options.settle = DoorOptions().settle;
  options.warm_after = DoorOptions().warm_after;
  House house(options);
  LiveQuietly(house, 1, 59);
  EXPECT_FALSE(house.door.counters().is_learning);
  LiveQuietly(house, 59, 600);
  EXPECT_TRUE(house.door.counters().is_learning);
  EXPECT_FALSE(house.door.counters().is_warm);
  LiveQuietly(house, 600, 700);
  EXPECT_TRUE(house.door.counters().is_warm);
}

TEST(Door, WhatWasLearnedIsWarmForADayAndOfUseForAWeek) {
  DoorOptions options = Narrow();
  options.admission.is_deadline_aware = false;
  options.settle = DoorOptions().settle;
  options.warm_after = DoorOptions().warm_after;
  House house(options);
  LiveQuietly(house, 1, 720);
  ASSERT_TRUE(house.door.counters().is_warm);
  const std::string state = Save(house.door);
  struct Case {
    double age_s;
    bool is_of_use;
    bool is_warm;
  };
  constexpr double kDay = 86'400;
  for (const Case& each : {Case{5, true, true}, Case{0.9 * kDay, true, true},
                           Case{1.1 * kDay, true, false}, Case{6.9 * kDay, true, false},
                           Case{7.1 * kDay, false, false}, Case{-8 * kDay, false, false}}) {
    SCOPED_TRACE(each.age_s);
    const double now = 720 + each.age_s;
    // Once started in an attack, and once in the quiet before one.
    for (const bool is_attacked : {true, false}) {
      Result<Door> restored = Door::Restore(options, state, AtSeconds(now));
      ASSERT_EQ(restored.has_value(), each.is_of_use);
      if (!restored) continue;
      House next(options);
      next.door = std::move(*restored);
      EXPECT_EQ(next.door.counters().is_warm, each.is_warm);
      EXPECT_FALSE(Door::Restore(options, Save(next.door), AtSeconds(720 + 7.1 * kDay)));
      if (!is_attacked) LiveQuietly(next, now, now + 620);
      const double attack = is_attacked ? now + 1 : now + 621;
      const bool has_learned = LivesUnderAttack(next, attack, attack + 130);
      EXPECT_EQ(Accused(next.door) > 0, each.is_warm && !is_attacked);
      EXPECT_FALSE(is_attacked && has_learned);
    }
  }
}

TEST(Door, AStateThatIsNotWholeOrOfAnotherDoorIsRefused) {
  DoorOptions options = Narrow();
  options.clusters = {.clients_max = 64, .groups_max = 64, .seen_max = 64};
  options.passwords.places_max = 64;
  options.passwords.accounts_max = 64;
  House house(options);
  LiveQuietly(house, 1, 200);
  const std::string state = Save(house.door);
  EXPECT_TRUE(Door::Restore(options, state, AtSeconds(300)));
  for (std::size_t size = 0; size < state.size(); size += 23) {
    EXPECT_FALSE(Door::Restore(options, state.substr(0, size), AtSeconds(300)));
  }
  EXPECT_FALSE(Door::Restore(options, state + "x", AtSeconds(300)));
  for (std::size_t at = 0; at < state.size(); at += 23) {
    std::string damaged = state;
    damaged[at] = static_cast<char>(0xFF);
    if (Result<Door> door = Door::Restore(options, damaged, AtSeconds(300))) {
      door->Admit(Ask(Route::kChat, 1, 1), AtSeconds(301));  // Whatever it says, it serves.
    }
  }
  options.seed = 1;
  EXPECT_FALSE(Door::Restore(options, state, AtSeconds(300)));
}

// In service the clock is that of the wall.
TEST(Door, SaysTheSameWhereverItsTimeBegins) {
  std::uint64_t accused[2] = {};
  for (const bool is_late : {false, true}) {
    House house;
    AttackedBySwarm(house, is_late ? 1.8e9 + 300 : 300, is_late ? 1.8e9 : 0);
    accused[is_late] = Accused(house.door);
    EXPECT_TRUE(house.door.counters().is_warm);
  }
  EXPECT_GT(accused[0], 1000u);
  EXPECT_NEAR(static_cast<double>(accused[1]) / static_cast<double>(accused[0]), 1, 0.02);
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

struct PayCase {
  StrangersPay pay;
  Route route;
  Standing standing;
  bool has_paid;
  bool is_asked;
};

TEST(Door, AsksStrangersAloneForAProofOfWorkAndOnlyWhereItIsSoSet) {
  for (const PayCase& one : {
           PayCase{StrangersPay::kNever, Route::kChat, Standing::kAnonymous, false, false},
           PayCase{StrangersPay::kAlways, Route::kChat, Standing::kAnonymous, false, true},
           PayCase{StrangersPay::kAlways, Route::kApi, Standing::kAnonymous, false, true},
           PayCase{StrangersPay::kAlways, Route::kChat, Standing::kAnonymous, true, false},
           PayCase{StrangersPay::kAlways, Route::kChat, Standing::kNew, false, false},
           PayCase{StrangersPay::kAlways, Route::kApi, Standing::kHistory, false, false},
           PayCase{StrangersPay::kAlways, Route::kPage, Standing::kAnonymous, false, false},
           PayCase{StrangersPay::kWhenShort, Route::kChat, Standing::kAnonymous, false, false},
       }) {
    DoorOptions options = Narrow();
    options.strangers_pay = one.pay;
    House house(options);
    RequestFacts facts = Ask(one.route, one.standing == Standing::kAnonymous ? 0 : 1, 5);
    facts.standing = one.standing;
    facts.paid_challenge = one.has_paid;
    const Door::Word word = house.Admit(facts, 1);
    EXPECT_EQ(word.refusal == Refusal::kChallengeRequired, one.is_asked);
    EXPECT_EQ(word.challenge_bits > 0, one.is_asked);
  }
}

TEST(Door, WhereStrangersPayUnderPressureThePageIsAskedInPlaceOfBeingRefused) {
  DoorOptions options = Narrow();
  options.strangers_pay = StrangersPay::kWhenShort;
  House house(options);
  RequestFacts facts = Ask(Route::kChat, 0, 5);
  facts.standing = Standing::kAnonymous;
  const auto ask_often = [&](Route route) {
    facts.route = route;
    std::vector<Refusal> refusals;
    for (int i = 0; i < 300; ++i) refusals.push_back(house.Admit(facts, 1).refusal);
    return refusals.back();
  };
  EXPECT_EQ(ask_often(Route::kChat), Refusal::kChallengeRequired);
  EXPECT_EQ(ask_often(Route::kApi), Refusal::kYourRate);
}

}  // namespace
}  // namespace holdfast::guard
