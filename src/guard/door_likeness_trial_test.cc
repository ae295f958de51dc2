// On whose requests the door tries likeness before it is enforced.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "guard/test_house.h"

namespace holdfast::guard {
namespace {

using std::chrono::seconds;

constexpr int kPlaces = 12;
constexpr double kAnswer_s = 1;  // The mean.

DoorOptions Busy() {
  DoorOptions options = Narrow();
  options.admission.in_flight_initial = kPlaces;
  options.admission.queue_max = 1000;
  options.admission.clients_max = 1024;
  options.warm_after = seconds(0);
  return options;
}

struct Tally {
  double asked = 0;
  double tried = 0;
  double while_short = 0;  // Asked while capacity counted as short.
  double while_learning = 0;
};

// Accounts in good standing ask at random, and answers take as long as they like.
Tally LiveAtSixtyPercent(const DoorOptions& options, double length_s) {
  House house(options);
  Random random(1);
  const auto exponential = [&](double mean) { return -mean * std::log(1 - random.Uniform()); };
  std::multimap<double, DoorId> ends;
  double start_s = 20, now = start_s, next_report_s = start_s;
  const auto begin = [&](DoorId id) { ends.emplace(now + exponential(kAnswer_s), id); };
  Tally tally;
  while (now < start_s + length_s) {
    const double next_s = now + exponential(kAnswer_s / (0.6 * kPlaces));
    for (; !ends.empty() && ends.begin()->first <= next_s; ends.erase(ends.begin())) {
      now = ends.begin()->first;
      house.End(ends.begin()->second, now);
      house.started.clear();
      house.Poll(now);
      for (const DoorId id : house.started) begin(id);
    }
    now = next_s;
    if (now >= next_report_s) {
      house.door.OnEngineReport({.workers_up = 1}, AtSeconds(now));
      next_report_s = now + 1;
    }
    tally.while_short += house.door.counters().is_short ? 1 : 0;
    tally.while_learning += house.door.counters().is_learning ? 1 : 0;
    tally.asked += 1;
    const std::uint64_t account = 1 + random.Next() % 300;
    const Door::Word word = house.Admit(Ask(Route::kChat, account, account), now);
    if (word.what == Door::Word::kStart) begin(word.id);
  }
  tally.tried = static_cast<double>(house.door.counters().trial.asked);
  return tally;
}

// As many requests in good standing as were asked while nothing pressed, and none of a stranger, of
// who is new or restricted, of a page or a log-in.
TEST(Door, TriesLikenessOnRequestsInGoodStandingAlone) {
  DoorOptions options = Narrow();
  options.admission.in_flight_initial = 100;
  options.warm_after = options.quiet_after = seconds(0);
  House house(options);
  const auto ask = [&](RequestFacts facts, Standing standing) {
    facts.standing = standing;
    const Door::Word word = house.Admit(facts, 10);
    if (word.id != 0) house.End(word.id, 10);
    return house.door.counters().trial.asked;
  };
  EXPECT_EQ(ask(Ask(Route::kChat, 1, 5), Standing::kHistory), 1u);
  EXPECT_EQ(ask(Ask(Route::kApi, 1, 5), Standing::kHistory), 2u);
  EXPECT_EQ(ask(Ask(Route::kPage, 1, 5), Standing::kHistory), 2u);
  EXPECT_EQ(ask(Ask(Route::kLogin, 1, 5), Standing::kHistory), 2u);
  EXPECT_EQ(ask(Ask(Route::kChat, 2, 6), Standing::kNew), 2u);
  EXPECT_EQ(ask(Ask(Route::kChat, 0, 7), Standing::kAnonymous), 2u);
  house.door.restrictions().Impose(
      {.scope = {ScopeKind::kAccount, 1}, .action = RestrictionAction::kSlow, .rule = "test"},
      AtSeconds(10));
  EXPECT_EQ(ask(Ask(Route::kChat, 1, 5), Standing::kHistory), 2u);
  EXPECT_EQ(house.door.counters().trial.accused, 0u);
}

TEST(Door, TriesLikenessOnWhatConnectionsTellToo) {
  DoorOptions options = Narrow();
  options.warm_after = seconds(0);
  House house(options);
  house.WasteConnections(200);
  house.End(house.Admit(Ask(Route::kChat, 1, 9), 210).id, 211);
  const LikenessTrialCount calm = house.door.counters().trial;
  EXPECT_EQ(calm.asked, 1u);
  EXPECT_EQ(calm.accused, 1u) << "its address would have been dropped";
  EXPECT_EQ(calm.accused_by.back(), 1u);
}

TEST(Door, TriesNoLikenessWhileAnythingPressesNorForAMinuteAfter) {
  DoorOptions options = Narrow();
  options.warm_after = seconds(0);
  House house(options);
  const auto ask = [&](double now) {
    const DoorId id = house.Admit(Ask(Route::kChat, 1, 5), now).id;
    house.End(id, now);
    return house.door.counters().trial.asked;
  };
  EXPECT_EQ(ask(1), 0u) << "it has not shown yet whether anything presses";
  EXPECT_EQ(ask(12), 1u);
  LivesUnderAttack(house, 20, 50);
  house.Poll(65);
  const std::uint64_t before = ask(70);
  EXPECT_EQ(ask(100), before);
  EXPECT_EQ(ask(140), before + 1);
}

// Of 16 minutes at 60 % of what the house can answer, in most of which somebody waits or has waited
// a moment ago, nearly all requests are counted, each once.
TEST(Door, TriesLikenessInABusyHouseOnNearlyAllRequests) {
  const Tally tally = LiveAtSixtyPercent(Busy(), 960);
  EXPECT_GT(tally.while_short, 0.8 * tally.asked);
  EXPECT_GT(tally.tried, 0.95 * tally.asked);
  EXPECT_LE(tally.tried, tally.asked);
  EXPECT_GT(tally.while_learning, 0.9 * tally.asked);
}

}  // namespace
}  // namespace holdfast::guard
