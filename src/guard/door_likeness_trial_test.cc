// On whose requests the door tries likeness before it is enforced.
#include <chrono>

#include <gtest/gtest.h>

#include "guard/test_house.h"

namespace holdfast::guard {
namespace {

using std::chrono::seconds;

// As many requests in good standing as were asked while nothing pressed, and none of a stranger, of
// who is new or restricted, of a page or a log-in.
TEST(Door, TriesLikenessOnRequestsInGoodStandingAlone) {
  DoorOptions options = Narrow();
  options.admission.in_flight_initial = 100;
  options.warm_after = seconds(0);
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

TEST(Door, TriesLikenessInCalmAloneAndOnWhatConnectionsTellToo) {
  DoorOptions options = Narrow();
  options.warm_after = seconds(0);
  House house(options);
  house.WasteConnections(200);
  const DoorId runs = house.Admit(Ask(Route::kChat, 1, 9), 210).id;
  const LikenessTrialCount calm = house.door.counters().trial;
  EXPECT_EQ(calm.asked, 1u);
  EXPECT_EQ(calm.accused, 1u) << "its address would have been dropped";
  EXPECT_EQ(calm.accused_by.back(), 1u);
  // Who waits makes it short.
  house.Admit(Ask(Route::kChat, 2, 8), 211);
  house.door.OnEngineReport({}, AtSeconds(212));
  house.Admit(Ask(Route::kChat, 3, 7), 213);
  EXPECT_TRUE(house.door.counters().is_short);
  EXPECT_EQ(house.door.counters().trial.asked, 2u);
  house.End(runs, 214);
}

}  // namespace
}  // namespace holdfast::guard
