#include "api/engine/stop_matcher.h"

#include <random>

#include <gtest/gtest.h>

#include "base/test_rounds.h"

namespace holdfast::api {
namespace {

TEST(StopMatcher, HoldsBackWhatMayBecomeAStopString) {
  StopMatcher matcher({"END"});
  EXPECT_EQ(matcher.Push("the E"), "the ");
  EXPECT_EQ(matcher.Push("N"), "");
  EXPECT_EQ(matcher.Push("G"), "ENG");
  EXPECT_EQ(matcher.Push("EN"), "");
  EXPECT_FALSE(matcher.has_stopped());
  EXPECT_EQ(matcher.Push("D and more"), "");
  EXPECT_TRUE(matcher.has_stopped());
  EXPECT_EQ(matcher.Push("more"), "");
  EXPECT_EQ(matcher.Finish(), "");
}

TEST(StopMatcher, GivesWhatItHeldAtTheEnd) {
  StopMatcher matcher({"\n\nUser:"});
  EXPECT_EQ(matcher.Push("bye\n\nUs"), "bye");
  EXPECT_EQ(matcher.Finish(), "\n\nUs");
}

TEST(StopMatcher, TakesTheFirstOfSeveral) {
  StopMatcher matcher({"bcd", "b", "abcz"});
  EXPECT_EQ(matcher.Push("xab"), "xa");
  EXPECT_TRUE(matcher.has_stopped());
}

TEST(StopMatcher, FindsARepeatingBeginning) {
  StopMatcher matcher({"aab"});
  std::string shown;
  for (const char* piece : {"aa", "a", "a", "b"}) shown += matcher.Push(piece);
  EXPECT_EQ(shown, "aa");
  EXPECT_TRUE(matcher.has_stopped());
}

// However the text is cut into pieces, the result is the text up to the first stop string.
TEST(StopMatcher, AgreesWithASearchOfTheWholeText) {
  std::mt19937 random(7);
  for (int round = 0; round < TestRounds(2000); ++round) {
    std::string text;
    for (int i = 0; i < 40; ++i) text.push_back("ab"[random() % 2]);
    std::string stop;
    for (unsigned i = 0; i <= random() % 6; ++i) stop.push_back("ab"[random() % 2]);
    StopMatcher matcher({stop});
    std::string shown;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = 1 + random() % 5;
      shown += matcher.Push(std::string_view(text).substr(at, length));
      at += length;
    }
    shown += matcher.Finish();
    EXPECT_EQ(shown, text.substr(0, text.find(stop))) << text << " / " << stop;
  }
}

}  // namespace
}  // namespace holdfast::api
