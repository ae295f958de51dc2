// Who was served in quiet time, at the Door.
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "guard/door.h"
#include "guard/test_house.h"

namespace holdfast::guard {
namespace {

// Whether of two that wait, this one starts before the one who came first.
bool GoesFirst(House& house, std::uint64_t address, double now) {
  const DoorId runs = house.Admit(Ask(Route::kChat, 0, 1), now).id;
  const DoorId first = house.Admit(Ask(Route::kChat, 0, 2), now + 0.01).id;
  const DoorId second = house.Admit(Ask(Route::kChat, 0, address), now + 0.02).id;
  house.started.clear();
  house.End(runs, now + 0.03, Ending::kFailed);
  house.Poll(now + 0.03);
  const bool goes_first = house.started == std::vector<DoorId>{second};
  for (const DoorId id : {first, second}) house.End(id, now + 0.04, Ending::kFailed);
  return goes_first;
}

// The door after a restart: what it knows, with nobody in it.
House Restarted(const House& house, const DoorOptions& options, double now) {
  House next(options);
  next.door = Door::Restore(options, Save(house.door), AtSeconds(now)).value();
  return next;
}

// Far more than can be served, for half a minute; then all who waited have gone.
void MeetCrowd(House& house, double from_s) {
  LivesUnderAttack(house, from_s, from_s + 30);
  house.Poll(from_s + 45);
}

TEST(Door, WhoHadAnAnswerInQuietTimeGoesFirstAlsoAfterARestart) {
  DoorOptions options = Narrow();
  House house(options);
  for (const double now : {2.0, 12.0}) {
    const std::uint64_t address = now < 10 ? 8 : 9;
    house.End(house.Admit(Ask(Route::kChat, 0, address), now).id, now + 1);
  }
  EXPECT_FALSE(GoesFirst(house, 9, 25)) << "there is room for all";
  MeetCrowd(house, 30);
  EXPECT_FALSE(GoesFirst(house, 8, 76)) << "nothing was known of the quiet then";
  EXPECT_TRUE(GoesFirst(house, 9, 78));
  EXPECT_FALSE(GoesFirst(house, 10, 80));
  House next = Restarted(house, options, 90);
  MeetCrowd(next, 100);
  EXPECT_TRUE(GoesFirst(next, 9, 146));
  EXPECT_FALSE(GoesFirst(next, 10, 148));
}

TEST(Door, WhoHadAnAnswerInQuietTimeGoesFirstFromTheFirstMomentOfAFlood) {
  DoorOptions options = Narrow();
  options.admission.queue_max = 1000;
  House house(options);
  for (const double now : {2.0, 12.0}) {
    house.End(house.Admit(Ask(Route::kChat, 0, 9), now).id, now + 1);
  }
  std::vector<DoorId> waiting;
  const DoorId runs = house.Admit(Ask(Route::kChat, 0, 100), 30).id;
  for (std::uint64_t i = 1; i < 100; ++i) {
    const Door::Word word = house.Admit(Ask(Route::kChat, 0, 100 + i), 30 + 0.001 * i);
    if (word.id != 0) waiting.push_back(word.id);
  }
  ASSERT_FALSE(waiting.empty());
  ASSERT_LT(waiting.size(), 90);
  // Its stock client has been refused once, and says so.
  RequestFacts again = Ask(Route::kChat, 0, 9);
  again.attempt = 1;
  const Door::Word word = house.Admit(again, 30.2);
  ASSERT_EQ(word.what, Door::Word::kWait);
  house.End(runs, 30.5);
  house.Poll(30.5);
  EXPECT_EQ(house.started, std::vector<DoorId>{word.id});
}

TEST(Door, NobodyOfAnAttackBecomesARegular) {
  DoorOptions options = Narrow();
  options.admission.is_deadline_aware = false;
  House house(options);
  LivesUnderAttack(house, 1, 300);
  House next = Restarted(house, Narrow(), 301);
  MeetCrowd(next, 302);
  int regulars = 0;
  for (std::uint64_t i = 0; i < 600; ++i) {
    regulars += GoesFirst(next, 100'000 + i, 348 + 0.05 * static_cast<double>(i));
  }
  EXPECT_EQ(regulars, 0);
}

}  // namespace
}  // namespace holdfast::guard
