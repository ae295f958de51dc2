#include "guard/limits/edge_limiter.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/mix.h"
#include "base/random.h"

namespace holdfast::guard {
namespace {

constexpr std::uint64_t kSeed = 42;
constexpr std::uint64_t kOffice = 7;  // An address with many people behind it.

RequestFacts Ask(Route route, Caller caller, Standing standing = Standing::kNew) {
  return {.caller = caller, .route = route, .standing = standing};
}

Caller Person(std::uint64_t account) {
  return {.address = kOffice, .prefix = 70, .account = 1000 + account, .fingerprint = 1};
}

// An hour of 500 people behind one address: each writes every 40 s on average, twice a minute loads
// a page of ten files, and all log in within the first minute.
TEST(EdgeLimiter, FiveHundredPeopleBehindOneAddressAreNotRefused) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    EdgeLimiter limiter({}, seed);
    int refused = 0;
    const auto send = [&](Route route, std::uint64_t person, double now_s) {
      RequestFacts facts = Ask(route, Person(person));
      if (limiter.Check(facts, AtSeconds(now_s)).refusal != Refusal::kNone) ++refused;
    };
    for (std::uint64_t person = 0; person < 500; ++person) {
      send(Route::kLogin, person, 0.12 * static_cast<double>(person));
    }
    for (int tick = 0; tick < 36'000; ++tick) {
      const double now_s = 60 + tick * 0.1;
      if (random.Uniform() * 40 < 50) send(Route::kChat, random.Next() % 500, now_s);
      if (tick % 60 != 0) continue;
      const std::uint64_t person = random.Next() % 500;
      for (int file = 0; file < 10; ++file) send(Route::kPage, person, now_s);
    }
    EXPECT_EQ(refused, 0);
  }
}

TEST(EdgeLimiter, FiveHundredPeopleMayAllComeInOneSecond) {
  EdgeLimiter limiter({}, kSeed);
  for (std::uint64_t person = 0; person < 500; ++person) {
    for (int file = 0; file < 10; ++file) {
      EXPECT_EQ(limiter.Check(Ask(Route::kPage, {.address = kOffice}), AtSeconds(0)).refusal,
                Refusal::kNone);
    }
    EXPECT_EQ(limiter.Check(Ask(Route::kChat, Person(person)), AtSeconds(0.5)).refusal,
              Refusal::kNone);
  }
}

TEST(EdgeLimiter, WhatHoldsOneOfThemBackIsTheLimitOfTheAccount) {
  EdgeLimiter limiter({}, kSeed);
  int passed = 0;
  for (int i = 0; i < 600; ++i) {
    const auto decision = limiter.Check(Ask(Route::kChat, Person(1)), AtSeconds(i * 0.1));
    if (decision.refusal == Refusal::kNone) {
      ++passed;
    } else {
      EXPECT_EQ(decision.refusal, Refusal::kYourRate);
      EXPECT_GT(decision.retry_after, Duration(0));
    }
    EXPECT_EQ(limiter.Check(Ask(Route::kChat, Person(2 + i % 400)), AtSeconds(i * 0.1)).refusal,
              Refusal::kNone);
  }
  EXPECT_LE(passed, 30 + 0.5 * 60 + 1);
}

TEST(EdgeLimiter, StrangersDoNotUseUpWhatAccountHoldersLiveOn) {
  EdgeLimiter limiter({}, kSeed);
  const Caller stranger{.address = kOffice, .prefix = 70, .fingerprint = 2};
  int strangers_passed = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Time now = AtSeconds(i * 0.001);
    const auto decision = limiter.Check(Ask(Route::kChat, stranger, Standing::kAnonymous), now);
    if (decision.refusal == Refusal::kNone) ++strangers_passed;
    if (i % 100 != 0) continue;
    EXPECT_EQ(limiter.Check(Ask(Route::kChat, Person(i / 100)), now).refusal, Refusal::kNone);
  }
  EXPECT_LE(strangers_passed, 100 + 5 * 20 + 1);
}

TEST(EdgeLimiter, ARefusedRequestCostsItsNeighboursNothing) {
  EdgeLimits limits;
  limits.address[static_cast<int>(Route::kChat)][static_cast<int>(Vouch::kAccount)] = {0.001, 60};
  EdgeLimiter limiter(limits, kSeed);
  for (int i = 0; i < 1000; ++i) limiter.Check(Ask(Route::kChat, Person(1)), AtSeconds(0));
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(limiter.Check(Ask(Route::kChat, Person(2)), AtSeconds(0)).refusal, Refusal::kNone);
  }
}

TEST(EdgeLimiter, NobodyLocksAnotherOut) {
  EdgeLimiter limiter({}, kSeed);
  const std::uint64_t owner = 9;
  for (int i = 0; i < 100'000; ++i) {
    const auto address = static_cast<std::uint64_t>(100 + i % 1000);
    limiter.Check(Ask(Route::kLogin, {.address = address, .account = owner}), AtSeconds(i * 0.01));
  }
  const Caller home{.address = 5, .account = owner};
  EXPECT_EQ(limiter.Check(Ask(Route::kLogin, home), AtSeconds(1000)).refusal, Refusal::kNone);
}

TEST(EdgeLimiter, TooManyLogInsOfAnAddressAskForAChallengeAndPayersPass) {
  EdgeLimiter limiter({}, kSeed);
  Refusal refusal = Refusal::kNone;
  for (std::uint64_t account = 1; account <= 700; ++account) {
    const Caller caller{.address = kOffice, .prefix = 70, .account = account};
    refusal = limiter.Check(Ask(Route::kLogin, caller), AtSeconds(0)).refusal;
  }
  EXPECT_EQ(refusal, Refusal::kChallengeRequired);
  RequestFacts paid = Ask(Route::kLogin, {.address = kOffice, .prefix = 70, .account = 900});
  paid.paid_challenge = true;
  EXPECT_EQ(limiter.Check(paid, AtSeconds(0)).refusal, Refusal::kNone);
}

struct ActionCase {
  RestrictionAction action;
  Route route;
  bool has_paid;
  Refusal refusal;
};

TEST(EdgeLimiter, RestrictionsSpeakFirst) {
  const ActionCase cases[] = {
      {RestrictionAction::kRefuse, Route::kChat, true, Refusal::kUnderAttack},
      {RestrictionAction::kPushDown, Route::kChat, true, Refusal::kUnderAttack},
      {RestrictionAction::kChallenge, Route::kChat, false, Refusal::kChallengeRequired},
      {RestrictionAction::kChallenge, Route::kChat, true, Refusal::kNone},
      // A log-in meets at most a challenge.
      {RestrictionAction::kRefuse, Route::kLogin, false, Refusal::kChallengeRequired},
      {RestrictionAction::kPushDown, Route::kLogin, true, Refusal::kNone},
      {RestrictionAction::kSlow, Route::kLogin, false, Refusal::kNone},
  };
  for (const ActionCase& test : cases) {
    EdgeLimiter limiter({}, kSeed);
    const RestrictionId id = limiter.restrictions().Impose(
        {.scope = {ScopeKind::kAddress, kOffice}, .action = test.action, .rule = "test"},
        AtSeconds(0));
    RequestFacts facts = Ask(test.route, Person(1));
    facts.paid_challenge = test.has_paid;
    const auto decision = limiter.Check(facts, AtSeconds(1));
    EXPECT_EQ(decision.refusal, test.refusal);
    EXPECT_EQ(decision.restriction.id, test.refusal == Refusal::kNone ? 0 : id);
    facts.standing = Standing::kHistory;
    EXPECT_EQ(limiter.Check(facts, AtSeconds(1)).refusal, Refusal::kNone);
  }
}

TEST(EdgeLimiter, SlowHoldsEachClientAndNotAllTogether) {
  EdgeLimiter limiter({}, kSeed);
  limiter.restrictions().Impose(
      {.scope = {ScopeKind::kAddress, kOffice}, .action = RestrictionAction::kSlow, .rule = "test"},
      AtSeconds(0));
  for (std::uint64_t person = 0; person < 100; ++person) {
    int passed = 0;
    for (int i = 0; i < 10; ++i) {
      const auto decision = limiter.Check(Ask(Route::kChat, Person(person)), AtSeconds(1));
      if (decision.refusal == Refusal::kNone) ++passed;
    }
    EXPECT_EQ(passed, 2);
  }
}

// 500 requests a second from one address, whatever it is told.
Time Flood(EdgeLimiter& limiter, const Caller& flooder, Time from, double seconds) {
  const int requests = static_cast<int>(seconds * 500);
  for (int i = 0; i < requests; ++i) {
    limiter.Check(Ask(Route::kChat, flooder, Standing::kAnonymous), from + FromSeconds(i * 0.002));
  }
  return from + FromSeconds(seconds);
}
constexpr Caller kFlooder{.address = 3, .prefix = 4, .fingerprint = 5};

TEST(EdgeLimiter, WhoeverIgnoresRefusalsIsToldAndAMinuteLaterPushedDownForTenAtMost) {
  EdgeLimiter limiter({}, kSeed);
  const Caller flooder = kFlooder;
  Time now = Flood(limiter, flooder, AtSeconds(0), 55);
  auto list = limiter.restrictions().List(now);
  ASSERT_EQ(list.size(), 1);
  EXPECT_EQ(list[0].what.action, RestrictionAction::kRefuse);
  now = Flood(limiter, flooder, now, 15);
  list = limiter.restrictions().List(now);
  ASSERT_EQ(list.size(), 1);
  EXPECT_EQ(list[0].what.action, RestrictionAction::kPushDown);
  EXPECT_LE(list[0].expires, now + std::chrono::minutes(10));
  EXPECT_EQ(list[0].what.rule, "ignores_refusals");
  EXPECT_EQ(list[0].what.scope.name, flooder.address);
  EXPECT_GE(list[0].what.evidence[0].value, 1000);
}

TEST(EdgeLimiter, WhoeverIsPushedDownIsToldAgainBeforeItIsDroppedAgain) {
  EdgeLimiter limiter({}, kSeed);
  Time now = Flood(limiter, kFlooder, AtSeconds(0), 720);
  const auto list = limiter.restrictions().List(now);
  ASSERT_EQ(list.size(), 1) << "its end was not put off by what it did meanwhile";
  EXPECT_EQ(list[0].what.action, RestrictionAction::kRefuse);
}

TEST(EdgeLimiter, WhoeverStopsWhenItIsToldIsNotPushedDownLater) {
  EdgeLimiter limiter({}, kSeed);
  Time now = Flood(limiter, kFlooder, AtSeconds(0), 20);
  now = Flood(limiter, kFlooder, now + std::chrono::minutes(5), 55);
  const auto list = limiter.restrictions().List(now);
  ASSERT_EQ(list.size(), 1);
  EXPECT_EQ(list[0].what.action, RestrictionAction::kRefuse);
}

// It came in the morning and has long gone home.
TEST(EdgeLimiter, AnAddressOfGoodStandingIsNotPushedDownForADay) {
  for (const double hours : {23.0, 25.0}) {
    EdgeLimiter limiter({}, kSeed);
    const Caller person{.address = kFlooder.address, .prefix = 4, .account = 9};
    limiter.Check(Ask(Route::kChat, person, Standing::kHistory), AtSeconds(0));
    const Time now = Flood(limiter, kFlooder, AtSeconds(hours * 3600), 80);
    const auto list = limiter.restrictions().List(now);
    ASSERT_EQ(list.size(), 1);
    EXPECT_EQ(list[0].what.action == RestrictionAction::kPushDown, hours > 24);
  }
}

TEST(GoodStanding, ForgetsTheOneSeenLongestAgo) {
  GoodStanding seen(2, std::chrono::hours(24));
  seen.Note(1, AtSeconds(0));
  seen.Note(2, AtSeconds(100));
  seen.Note(1, AtSeconds(200));
  seen.Note(3, AtSeconds(300));
  EXPECT_TRUE(seen.Has(1, AtSeconds(400)));
  EXPECT_FALSE(seen.Has(2, AtSeconds(400)));
  EXPECT_TRUE(seen.Has(3, AtSeconds(400)));
}

TEST(EdgeLimiter, AnAddressWhereAccountHoldersAreServedIsNotPushedDown) {
  EdgeLimiter limiter({}, kSeed);
  const Caller flooder{.address = kOffice, .prefix = 70, .fingerprint = 5};
  for (int i = 0; i < 30'000; ++i) {
    const Time now = AtSeconds(i * 0.002);
    limiter.Check(Ask(Route::kChat, flooder, Standing::kAnonymous), now);
    if (i % 400 == 0) limiter.Check(Ask(Route::kChat, Person(i / 400)), now);
  }
  EXPECT_TRUE(limiter.restrictions().List(AtSeconds(60)).empty());
}

// Small tables under a million sources, four of them as fast as they can.
// Asked by the head alone, it says what it would say of the whole, and charges nothing.
TEST(EdgeLimiter, ForeseesARefusalAndCostsNothingWhereThereIsNone) {
  EdgeLimiter limiter({}, kSeed);
  const RequestFacts stranger = Ask(Route::kApi, {.address = kOffice, .prefix = 70});
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_FALSE(limiter.CheckIfRefused(stranger, AtSeconds(0)));
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(limiter.Check(stranger, AtSeconds(0)).refusal, Refusal::kNone);
  }
  const auto foreseen = limiter.CheckIfRefused(stranger, AtSeconds(0));
  ASSERT_TRUE(foreseen);
  EXPECT_EQ(foreseen->refusal, Refusal::kYourRate);
  EXPECT_EQ(foreseen->retry_after, limiter.Check(stranger, AtSeconds(0)).retry_after);
  // Whoever shows an account there has a budget of its own.
  const RequestFacts person = Ask(Route::kApi, Person(1));
  EXPECT_FALSE(limiter.CheckIfRefused(person, AtSeconds(0)));
}

TEST(EdgeLimiter, ForeseesWhatARestrictionRefusesAndSlowsNobodyByLooking) {
  EdgeLimiter limiter({}, kSeed);
  const RequestFacts stranger = Ask(Route::kChat, {.address = kOffice}, Standing::kAnonymous);
  limiter.restrictions().Impose(
      {.scope = {ScopeKind::kAddress, kOffice}, .action = RestrictionAction::kSlow, .rule = "test"},
      AtSeconds(0));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(limiter.CheckIfRefused(stranger, AtSeconds(0)));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(limiter.Check(stranger, AtSeconds(0)).refusal, Refusal::kNone);
  }
  EXPECT_EQ(limiter.CheckIfRefused(stranger, AtSeconds(0))->refusal, Refusal::kYourRate);
  limiter.restrictions().Impose({.scope = {ScopeKind::kAddress, kOffice},
                                 .action = RestrictionAction::kRefuse,
                                 .rule = "test"},
                                AtSeconds(1));
  const auto refused = limiter.CheckIfRefused(stranger, AtSeconds(1));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->refusal, Refusal::kUnderAttack);
  EXPECT_EQ(refused->restriction.rule, "test");
}

TEST(EdgeLimiter, WhoIgnoresForeseenRefusalsIsToldAsAnybody) {
  EdgeLimiter limiter({}, kSeed);
  const RequestFacts stranger = Ask(Route::kApi, {.address = kOffice}, Standing::kAnonymous);
  for (int i = 0; i < 100; ++i) limiter.Check(stranger, AtSeconds(0));
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(limiter.CheckIfRefused(stranger, AtSeconds(0))->refusal, Refusal::kYourRate);
  }
  EXPECT_EQ(limiter.CheckIfRefused(stranger, AtSeconds(0))->restriction.rule, "ignores_refusals");
}

Caller From(std::uint64_t address, std::uint64_t prefix = 70) {
  return {.address = address, .prefix = prefix};
}

// As browsers do it: six connections each, with TLS and without.
TEST(EdgeLimiter, FiveHundredPeopleBehindOneAddressMayAllConnectInOneSecond) {
  for (const EdgeLimits& limits : {EdgeLimits{}, ServiceLimits()}) {
    for (const bool is_encrypted : {false, true}) {
      EdgeLimiter limiter(limits, kSeed);
      for (int i = 0; i < 500 * 6; ++i) {
        const Time now = AtSeconds(i / 3000.0);
        ASSERT_EQ(limiter.CheckConnection(From(kOffice), is_encrypted, now).refusal, Refusal::kNone)
            << i;
      }
    }
  }
}

TEST(EdgeLimiter, LimitsNewConnectionsByAddressAndByPrefixAndHandshakesMore) {
  EdgeLimits limits;
  limits.connections = {1, 10};
  limits.handshakes = {1, 4};
  limits.prefix_factor = 2;
  const auto let_in = [&](EdgeLimiter& limiter, std::uint64_t address, bool is_encrypted) {
    int count = 0;
    while (limiter.CheckConnection(From(address), is_encrypted, AtSeconds(0)).refusal ==
           Refusal::kNone) {
      ++count;
    }
    return count;
  };
  EdgeLimiter plain(limits, kSeed);
  EXPECT_EQ(let_in(plain, 1, false), 10);
  EXPECT_EQ(let_in(plain, 2, false), 10) << "another address is not touched";
  EXPECT_EQ(let_in(plain, 3, false), 0) << "the prefix is used up";
  EXPECT_EQ(plain.CheckConnection(From(4, 71), false, AtSeconds(0)).refusal, Refusal::kNone);
  const EdgeLimiter::Decision refused = plain.CheckConnection(From(1), false, AtSeconds(0));
  EXPECT_EQ(refused.refusal, Refusal::kYourRate);
  EXPECT_EQ(refused.retry_after, std::chrono::seconds(1));
  EXPECT_EQ(plain.CheckConnection(From(1), false, AtSeconds(1)).refusal, Refusal::kNone);

  EdgeLimiter encrypted(limits, kSeed);
  EXPECT_EQ(let_in(encrypted, 1, true), 4);
  EXPECT_EQ(let_in(encrypted, 2, true), 4);
}

TEST(EdgeLimiter, RequestsDoNotUseUpConnectionsNorTheOtherWayRound) {
  EdgeLimits limits;
  limits.connections = {1, 1};
  EdgeLimiter limiter(limits, kSeed);
  const RequestFacts stranger = Ask(Route::kApi, From(kOffice), Standing::kAnonymous);
  for (int i = 0; i < 101; ++i) limiter.Check(stranger, AtSeconds(0));
  EXPECT_EQ(limiter.CheckConnection(From(kOffice), false, AtSeconds(0)).refusal, Refusal::kNone);
  EXPECT_EQ(limiter.CheckConnection(From(kOffice), false, AtSeconds(0)).refusal,
            Refusal::kYourRate);
  EXPECT_EQ(limiter.Check(Ask(Route::kPage, From(kOffice)), AtSeconds(0)).refusal, Refusal::kNone);
}

TEST(EdgeLimiter, WhoGoesOnConnectingThoughRefusedIsPushedDown) {
  EdgeLimits limits;
  limits.connections = {1, 1};
  EdgeLimiter limiter(limits, kSeed);
  Refusal last = Refusal::kNone;
  for (int i = 0; i < 100 * 200; ++i) {
    last = limiter.CheckConnection(From(kOffice), false, AtSeconds(i / 200.0)).refusal;
  }
  EXPECT_EQ(last, Refusal::kUnderAttack);
  const auto* restriction =
      limiter.restrictions().Find({ScopeKind::kAddress, kOffice}, AtSeconds(100));
  ASSERT_NE(restriction, nullptr);
  EXPECT_EQ(restriction->what.action, RestrictionAction::kPushDown);
}

TEST(EdgeLimiter, GoesOnLimitingWhenFullInTheSameMemory) {
  EdgeLimits limits;
  limits.address_cells = 1 << 12;
  limits.prefix_cells = 1 << 10;
  EdgeLimiter limiter(limits, kSeed);
  const std::size_t bytes = limiter.state_bytes();
  std::vector<int> passed(4);
  const Route route = Route::kRegister;  // A debt of five seconds a request fills tables soonest.
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    const bool is_fast = i % 5 == 0;
    const std::uint64_t source = is_fast ? i / 5 % 4 : 4 + i;
    const auto decision =
        limiter.Check(Ask(route, {.address = Mix64(source, 1)}, Standing::kAnonymous),
                      Time(Duration(static_cast<Duration::rep>(i * 20))));
    if (is_fast && decision.refusal == Refusal::kNone) ++passed[source];
  }
  for (const int count : passed) EXPECT_LE(count, 20 + 0.2 * 20 + 1);
  EXPECT_EQ(limiter.state_bytes(), bytes);
  EXPECT_GT(limiter.shared_count(), 0);
}

struct Callers {
  const char* name;
  Route route;
  bool has_key;
  int people;      // Behind one address,
  int at_once;     // of whom so many come at the same moment at the beginning, each with
  int files;       // so many requests.
  double rate;     // Requests a second of all of them, after that,
  double seconds;  // for so long.
};
class ServiceLimitsLetIn : public testing::TestWithParam<Callers> {};

TEST_P(ServiceLimitsLetIn, OrdinaryCallers) {
  const Callers& callers = GetParam();
  EdgeLimiter limiter(ServiceLimits(), kSeed);
  int refused = 0;
  const auto send = [&](int person, double now_s) {
    RequestFacts facts = Ask(callers.route, {.address = kOffice, .prefix = 70, .fingerprint = 1},
                             Standing::kAnonymous);
    if (callers.has_key) facts.caller.key = 5000 + static_cast<std::uint64_t>(person);
    refused += limiter.Check(facts, AtSeconds(now_s)).refusal != Refusal::kNone;
  };
  for (int person = 0; person < callers.at_once; ++person) {
    for (int file = 0; file < callers.files; ++file) send(person, 0);
  }
  for (int i = 1; i <= callers.rate * callers.seconds; ++i) {
    send(i % callers.people, i / callers.rate);
  }
  EXPECT_EQ(refused, 0);
}

INSTANTIATE_TEST_SUITE_P(
    EdgeLimiter, ServiceLimitsLetIn,
    testing::Values(
        Callers{"a_page_load", Route::kPage, false, 1, 1, 10, 1, 60},
        Callers{"an_office_that_comes_to_work", Route::kPage, false, 100, 100, 10, 10, 600},
        Callers{"an_office_without_accounts", Route::kChat, false, 100, 100, 1, 7, 3600},
        Callers{"an_office_that_signs_up", Route::kRegister, false, 100, 100, 1, 0.5, 600},
        Callers{"an_sdk_with_32_calls", Route::kApi, true, 1, 1, 32, 64, 3600},
        Callers{"an_sdk_without_a_key", Route::kApi, false, 1, 1, 32, 64, 3600},
        Callers{"ten_sdks_behind_one_address", Route::kApi, true, 10, 10, 32, 640, 600}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace holdfast::guard
