#include "guard/entrance/password_gate.h"

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using What = PasswordGate::Offer;

RequestFacts LogIn(std::uint64_t account, std::uint64_t address) {
  return {.caller = {.address = address, .prefix = address << 32, .account = account},
          .route = Route::kLogin};
}

RequestFacts Paid(RequestFacts facts) {
  facts.paid_challenge = true;
  return facts;
}

// A gate and its two cores, 60 ms a check.
class House {
 public:
  explicit House(const PasswordGateOptions& options = {}) : gate(options, 1) {}

  PasswordGate::Offer Ask(const RequestFacts& facts, bool is_right) {
    const auto id = static_cast<std::uint32_t>(asked_.size());
    asked_.push_back({facts, is_right, std::nullopt});
    const PasswordGate::Offer offer = gate.Request(id, facts, now);
    if (offer.what == What::kStart) Start(id);
    if (offer.what == What::kRefuse) asked_[id].ending = Ending::kRefused;
    return offer;
  }

  void RunUntil(Time end) {
    while (true) {
      Poll();
      Time next = gate.NextTime();
      for (const auto& [done, id] : running_) next = std::min(next, done);
      if (next > end) break;
      now = std::max(now, next);
      if (!running_.empty() && running_.begin()->first <= now) {
        const std::uint32_t id = running_.begin()->second;
        running_.erase(running_.begin());
        End(id, Ending::kServed);
      }
    }
    now = end;
    Poll();
  }

  void End(std::uint32_t id, Ending ending) {
    asked_[id].ending = ending;
    gate.OnEnd(id, {.time = now,
                    .caller = asked_[id].facts.caller,
                    .route = asked_[id].facts.route,
                    .ending = ending,
                    .failed_login = ending == Ending::kServed && !asked_[id].is_right});
  }

  // Checks at once, with nothing else under way.
  void Check(const RequestFacts& facts, bool is_right) {
    ASSERT_EQ(Ask(facts, is_right).what, What::kStart);
    RunUntil(now + milliseconds(60));
  }

  std::optional<Ending> ending(std::size_t id) const { return asked_[id].ending; }
  std::size_t running() const { return running_.size(); }

  PasswordGate gate;
  Time now = AtSeconds(1000);

 private:
  struct Asked {
    RequestFacts facts;
    bool is_right;
    std::optional<Ending> ending;
  };

  void Start(std::uint32_t id) { running_.emplace(now + milliseconds(60), id); }
  void Poll() {
    std::vector<std::uint32_t> started;
    std::vector<PasswordGate::Expired> refused;
    std::vector<std::uint32_t> lost;
    gate.Poll(now, started, refused, lost);
    EXPECT_TRUE(lost.empty());
    for (const std::uint32_t id : started) Start(id);
    for (const PasswordGate::Expired& expired : refused) {
      EXPECT_GE(expired.retry_after, seconds(1));
      End(expired.id, Ending::kRefused);
    }
    EXPECT_LE(running_.size(), PasswordGateOptions{}.checks_max);
  }

  std::vector<Asked> asked_;
  std::set<std::pair<Time, std::uint32_t>> running_;
};

TEST(PasswordGate, ChecksAtOnceWhileNobodyWaits) {
  House house;
  EXPECT_EQ(house.Ask(LogIn(1, 10), true).what, What::kStart);
  EXPECT_EQ(house.Ask(LogIn(2, 20), true).what, What::kStart);
  EXPECT_EQ(house.Ask(LogIn(3, 30), true).what, What::kWait);
  house.RunUntil(house.now + milliseconds(130));
  for (int id = 0; id < 3; ++id) EXPECT_EQ(house.ending(id), Ending::kServed);
}

TEST(PasswordGate, WhoWasLoggedInHereBeforeGoesFirstAndIsAskedForNothing) {
  House house;
  house.Check(LogIn(1, 10), true);
  EXPECT_TRUE(house.gate.IsFamiliar(LogIn(1, 10).caller, house.now));
  EXPECT_FALSE(house.gate.IsFamiliar(LogIn(1, 11).caller, house.now));
  EXPECT_FALSE(house.gate.IsFamiliar(LogIn(2, 10).caller, house.now));
  int challenged = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    challenged +=
        house.Ask(LogIn(1000 + i, 1000 + i), false).refusal == Refusal::kChallengeRequired;
  }
  EXPECT_EQ(challenged, 300 - 2 - 16);
  EXPECT_EQ(house.Ask(LogIn(1, 10), true).what, What::kWait);
  house.RunUntil(house.now + milliseconds(130));
  EXPECT_EQ(house.ending(301), Ending::kServed);
  // Elsewhere in the same network, too.
  RequestFacts neighbour = LogIn(1, 10);
  neighbour.caller.address = 77;
  EXPECT_TRUE(house.gate.IsFamiliar(neighbour.caller, house.now));
}

TEST(PasswordGate, StrangersUnderPressurePayAndThenGoBeforeThoseWhoHaveFailed) {
  House house;
  const RequestFacts guesser = LogIn(500, 50);
  for (int i = 0; i < 6; ++i) house.Check(guesser, false);
  for (std::uint64_t i = 0; i < 18; ++i) house.Ask(LogIn(1000 + i, 1000 + i), false);
  EXPECT_EQ(house.Ask(LogIn(1, 10), true).refusal, Refusal::kChallengeRequired);
  EXPECT_TRUE(house.gate.is_pressed(house.now));
  EXPECT_EQ(house.Ask(Paid(guesser), false).what, What::kWait);
  EXPECT_EQ(house.Ask(Paid(LogIn(1, 10)), true).what, What::kWait);
  house.RunUntil(house.now + milliseconds(150));
  EXPECT_EQ(house.ending(6 + 18 + 2), Ending::kServed);
  EXPECT_FALSE(house.ending(6 + 18 + 1));
  house.RunUntil(house.now + seconds(2));
  EXPECT_EQ(house.ending(6 + 18 + 1), Ending::kServed);
  house.RunUntil(house.now + seconds(120));
  EXPECT_FALSE(house.gate.is_pressed(house.now));
}

TEST(PasswordGate, LanesAreBoundedInLengthAndWait) {
  PasswordGateOptions options;
  options.others_wait_max = seconds(1);
  House house(options);
  int waiting = 0;
  int full = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const PasswordGate::Offer offer = house.Ask(Paid(LogIn(1000 + i, 1000 + i)), false);
    waiting += offer.what == What::kWait;
    if (offer.what != What::kRefuse) continue;
    ++full;
    EXPECT_EQ(offer.refusal, Refusal::kQueueFull);
    EXPECT_GE(offer.retry_after, seconds(1));
    EXPECT_LE(offer.retry_after, seconds(10));
  }
  EXPECT_EQ(waiting, static_cast<int>(options.others_max));
  EXPECT_EQ(full, 200 - 2 - waiting);
  house.RunUntil(house.now + milliseconds(1100));
  EXPECT_EQ(house.gate.waiting(), 0u);
}

TEST(PasswordGate, WhoLeavesGivesItsPlaceBack) {
  House house;
  for (std::uint64_t i = 0; i < 6; ++i) house.Ask(LogIn(i + 1, i + 1), true);
  EXPECT_EQ(house.gate.waiting(), 4u);
  house.End(3, Ending::kAbandoned);
  EXPECT_EQ(house.gate.waiting(), 3u);
  house.RunUntil(house.now + seconds(1));
  EXPECT_EQ(house.ending(5), Ending::kServed);
  EXPECT_EQ(house.ending(3), Ending::kAbandoned);
}

// From then on each guess costs, and so does the owner's log-in elsewhere; nobody is refused.
TEST(PasswordGate, GuessesAtAnAccountBecomeDearAndItsOwnerStillGetsIn) {
  House house;
  const RequestFacts home = LogIn(1, 10);
  house.Check(home, true);
  int checked = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const PasswordGate::Offer offer = house.Ask(LogIn(1, 1000 + i), false);
    if (offer.what == What::kStart) {
      ++checked;
    } else {
      EXPECT_EQ(offer.refusal, Refusal::kChallengeRequired);
    }
    house.RunUntil(house.now + milliseconds(60));
  }
  EXPECT_EQ(checked, 90);
  EXPECT_EQ(house.Ask(LogIn(1, 99), true).refusal, Refusal::kChallengeRequired);
  house.Check(home, false);
  house.Check(Paid(LogIn(1, 99)), true);
  // A right password begins a new row.
  house.Check(LogIn(1, 5000), false);
}

TEST(PasswordGate, AlsoGuessesFromTheOwnersPlaceBecomeDear) {
  House house;
  house.Check(LogIn(1, 10), true);
  int checked = 0;
  for (int i = 0; i < 300; ++i) {
    checked += house.Ask(LogIn(1, 10), false).what == What::kStart;
    house.RunUntil(house.now + milliseconds(60));
  }
  EXPECT_EQ(checked, 180);
  house.Check(Paid(LogIn(1, 10)), true);
}

TEST(PasswordGate, WrongPasswordsAreForgottenInTime) {
  House house;
  for (std::uint64_t i = 0; i < 90; ++i) house.Check(LogIn(1, 1000 + i), false);
  EXPECT_EQ(house.Ask(LogIn(1, 99), true).refusal, Refusal::kChallengeRequired);
  house.RunUntil(house.now + std::chrono::hours(25));
  house.Check(LogIn(1, 99), true);
}

// However many other accounts were guessed at, one typo elsewhere costs nothing.
TEST(PasswordGate, AFullTableChargesNobodyWithTheGuessesAtOthers) {
  PasswordGateOptions options;
  options.accounts_max = 64;
  House house(options);
  for (std::uint64_t account = 1; account <= 640; ++account) {
    for (int i = 0; i < 20; ++i) {
      house.Check(Paid(LogIn(account, account * 100 + static_cast<std::uint64_t>(i))), false);
    }
  }
  house.Check(LogIn(7777, 5), false);
  house.Check(LogIn(7777, 5), true);
}

TEST(PasswordGate, ADeviceThatWasLoggedInGoesFirstAnywhereUntilItGuesses) {
  House house;
  RequestFacts laptop = LogIn(1, 10);
  laptop.caller.device = 9;
  EXPECT_TRUE(house.gate.IsFamiliar(laptop.caller, house.now));
  for (int i = 0; i < 10; ++i) house.Check(laptop, false);
  EXPECT_FALSE(house.gate.IsFamiliar(laptop.caller, house.now));
  house.Check(laptop, true);
  EXPECT_TRUE(house.gate.IsFamiliar(laptop.caller, house.now));
}

TEST(PasswordGate, LogInsAndSignUpsTakeTurns) {
  PasswordGateOptions options;
  options.checks_max = 1;
  House house(options);
  house.Check(LogIn(1, 10), true);
  std::size_t id = 1;
  house.Ask(LogIn(50, 50), true);
  for (std::uint64_t i = 0; i < 20; ++i) {
    house.Ask({.caller = {.address = 700 + i}, .route = Route::kRegister}, true);
  }
  for (std::uint64_t i = 0; i < 20; ++i) house.Ask(Paid(LogIn(100 + i, 100 + i)), true);
  house.RunUntil(house.now + milliseconds(60 * 21 + 10));
  int sign_ups = 0;
  int log_ins = 0;
  for (id = 2; id < 42; ++id) (id < 22 ? sign_ups : log_ins) += house.ending(id) == Ending::kServed;
  EXPECT_EQ(sign_ups, 10);
  EXPECT_EQ(log_ins, 10);
}

TEST(PasswordGate, FamiliarityEnds) {
  PasswordGateOptions options;
  options.familiar_for = std::chrono::hours(1);
  House house(options);
  house.Check(LogIn(1, 10), true);
  EXPECT_TRUE(house.gate.IsFamiliar(LogIn(1, 10).caller, house.now + std::chrono::minutes(50)));
  EXPECT_FALSE(house.gate.IsFamiliar(LogIn(1, 10).caller, house.now + std::chrono::minutes(62)));
}

TEST(PasswordGate, KnownBrowsersGoFirstElsewhereUntilStrangersPress) {
  PasswordGateOptions options;
  options.checks_max = 1;
  House house(options);
  RequestFacts home = LogIn(1, 10);
  home.caller.fingerprint = 5;
  house.Check(home, true);
  for (std::uint64_t i = 0; i < 4; ++i) house.Ask(Paid(LogIn(1000 + i, 1000 + i)), false);
  RequestFacts abroad = LogIn(1, 99);
  abroad.caller.fingerprint = 5;
  EXPECT_EQ(house.Ask(abroad, true).what, What::kWait);
  house.RunUntil(house.now + milliseconds(125));
  EXPECT_EQ(house.ending(5), Ending::kServed);
  EXPECT_FALSE(house.ending(2));
  for (std::uint64_t i = 0; i < 30; ++i) house.Ask(LogIn(2000 + i, 2000 + i), false);
  abroad.caller.address = 98;
  abroad.caller.prefix = 97;
  EXPECT_EQ(house.Ask(abroad, true).refusal, Refusal::kChallengeRequired);
  EXPECT_EQ(house.Ask(Paid(abroad), true).what, What::kWait);
}

// Whoever checks passwords may lose the end of a check; that must not stop all log-ins.
TEST(PasswordGate, GivesUpChecksWhoseEndIsNeverTold) {
  PasswordGate gate({}, 1);
  std::vector<std::uint32_t> started;
  std::vector<PasswordGate::Expired> refused;
  std::vector<std::uint32_t> lost;
  EXPECT_EQ(gate.Request(1, LogIn(1, 10), AtSeconds(0)).what, What::kStart);
  EXPECT_EQ(gate.Request(2, LogIn(2, 20), AtSeconds(0)).what, What::kStart);
  EXPECT_EQ(gate.Request(3, LogIn(3, 30), AtSeconds(58)).what, What::kWait);
  gate.Poll(AtSeconds(59), started, refused, lost);
  EXPECT_TRUE(lost.empty());
  EXPECT_EQ(gate.NextTime(), AtSeconds(60));
  gate.Poll(AtSeconds(60), started, refused, lost);
  EXPECT_EQ(lost, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(started, std::vector<std::uint32_t>{3});
  EXPECT_TRUE(refused.empty());
  gate.OnEnd(1, {.time = AtSeconds(61), .caller = {}, .route = Route::kLogin});
  EXPECT_EQ(gate.Request(4, LogIn(4, 40), AtSeconds(61)).what, What::kStart);
}

TEST(PasswordGate, MemoryIsFixed) {
  House house;
  const std::size_t bytes = house.gate.state_bytes();
  EXPECT_LE(bytes, 14u << 20);
  for (std::uint64_t i = 1; i < 100'000; ++i) {
    house.gate.Remember(LogIn(i, i * 7).caller, house.now);
  }
  EXPECT_EQ(house.gate.state_bytes(), bytes);
}

TEST(PasswordGate, PlacesAndWrongPasswordsOutliveARestart) {
  const PasswordGateOptions options{.failures_max = 2};
  PasswordGate gate(options, 5);
  const Caller home{.address = 1, .prefix = 2, .account = 3};
  gate.Remember(home, AtSeconds(1000));
  const RequestFacts guess{.caller = {.address = 8, .prefix = 9, .account = 4},
                           .route = Route::kLogin};
  for (std::uint32_t id = 0; id < 2; ++id) {
    ASSERT_EQ(gate.Request(id, guess, AtSeconds(1000 + id)).what, PasswordGate::Offer::kStart);
    gate.OnEnd(id, {.time = AtSeconds(1000 + id),
                    .caller = guess.caller,
                    .route = Route::kLogin,
                    .failed_login = true});
  }
  std::string bytes;
  StateWriter writer(bytes);
  gate.Save(writer, {});
  PasswordGate next(options, 5);
  StateReader reader(bytes);
  next.Load(reader, {});
  ASSERT_TRUE(reader.is_sound() && reader.is_at_end());
  EXPECT_TRUE(next.IsFamiliar(home, AtSeconds(2000)));
  EXPECT_FALSE(next.IsFamiliar(guess.caller, AtSeconds(2000)));
  EXPECT_EQ(next.Request(1, guess, AtSeconds(2000)).refusal, Refusal::kChallengeRequired);

  PasswordGate foreign(options, 6);
  StateReader again(bytes);
  foreign.Load(again, {});
  EXPECT_FALSE(again.is_sound());
}

}  // namespace
}  // namespace holdfast::guard
