#include "server/learned_state.h"

#include <gtest/gtest.h>

#include "crypto/test_folder.h"

namespace holdfast::server {
namespace {

std::string Save(const guard::Door& door) {
  std::string state;
  for (std::size_t part = 0; part < guard::Door::kStateParts; ++part) door.Save(part, state);
  return state;
}

class LearnedStateTest : public testing::Test {
 protected:
  static guard::DoorOptions Options() {
    guard::DoorOptions options;
    options.seed = 3;
    return options;
  }

  crypto::TestFolder folder_;
  LearnedStateFile file_{folder_.path() / "learned.state", 7};
};

TEST_F(LearnedStateTest, WhatIsSavedIsLoaded) {
  EXPECT_EQ(file_.Load().error().code, ErrorCode::kNotFound);
  for (const std::string state : {"one", "another, longer", ""}) {
    ASSERT_TRUE(file_.Save(state));
    EXPECT_EQ(file_.Load().value_or("none"), state);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1)
      << "nothing is left beside it";
}

TEST_F(LearnedStateTest, WhatACrashLeftBesideItDoesNotMatter) {
  ASSERT_TRUE(file_.Save("one"));
  crypto::WriteFile(folder_.path() / "learned.state.next", "half of");
  EXPECT_EQ(*file_.Load(), "one");
  ASSERT_TRUE(file_.Save("two"));
  EXPECT_EQ(*file_.Load(), "two");
}

TEST_F(LearnedStateTest, WhatIsDamagedOrForeignIsRefused) {
  ASSERT_TRUE(file_.Save("what was learned"));
  const std::string whole = crypto::ReadFile(file_.path());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    crypto::WriteFile(file_.path(), damaged);
    EXPECT_FALSE(file_.Load()) << "byte " << at;
    crypto::WriteFile(file_.path(), whole.substr(0, at));
    EXPECT_FALSE(file_.Load()) << "cut at " << at;
  }
  crypto::WriteFile(file_.path(), whole);
  EXPECT_TRUE(file_.Load());
  const auto foreign = LearnedStateFile(file_.path(), 8).Load();
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::kUnsupported);
}

TEST_F(LearnedStateTest, ADoorKnowsAfterARestartWhatItKnewBefore) {
  const DoorClock clock;
  guard::Door door = MakeDoor(Options(), file_, clock);
  const guard::Caller home{.address = 1, .prefix = 2, .account = 3};
  door.Remember(home, clock.Now());
  ASSERT_TRUE(file_.Save(Save(door)));
  EXPECT_GT(Save(door).size(), Save(guard::Door(Options())).size());
  guard::Door next = MakeDoor(Options(), file_, clock);
  EXPECT_EQ(Save(next).size(), Save(door).size());
}

TEST_F(LearnedStateTest, ADoorStartsAnewWhereTheFileIsOfNoUse) {
  guard::DoorOptions options = Options();
  const DoorClock clock;
  // The last is of a door that nothing was told: of 1970.
  for (const std::string& state :
       {std::string(), std::string("nonsense"), Save(guard::Door(options))}) {
    ASSERT_TRUE(file_.Save(state));
    guard::Door door = MakeDoor(options, file_, clock);
    EXPECT_FALSE(door.counters().is_warm);
  }
}

TEST_F(LearnedStateTest, ItIsSavedWhenItStops) {
  int saved = 0;
  LearnedStateKeeper keeper(file_, [&saved] { return std::to_string(++saved); });
  keeper.Stop();
  EXPECT_EQ(*file_.Load(), "1");
  keeper.Stop();
  EXPECT_EQ(saved, 1);
}

}  // namespace
}  // namespace holdfast::server
