#include "http/repeats.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

constexpr std::string_view kHead = "POST /ask HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";

// A connection of which each request is turned away.
class RepeatsTest : public ::testing::Test {
 protected:
  // As it is read and turned away.
  void TurnAway(std::string_view head) {
    repeats_.OnHead(head);
    repeats_.OnTurnedAway(2, [this]() -> std::optional<Repeats::Answer> {
      ++asked_;
      if (!is_refused_) return std::nullopt;
      Repeats::Answer answer;
      answer.body = "no";
      return answer;
    });
  }
  bool IsAnswered(std::string_view input) { return repeats_.TryAnswer(input).has_value(); }

  Repeats repeats_;
  bool is_refused_ = true;
  int asked_ = 0;
};

TEST_F(RepeatsTest, NothingIsKeptOfTheFirstThatIsTurnedAway) {
  TurnAway(kHead);
  EXPECT_EQ(repeats_.head_bytes(), 0u);
  EXPECT_FALSE(IsAnswered(kHead));
  EXPECT_EQ(asked_, 0);
}

TEST_F(RepeatsTest, AnswersTheSameHeadWhateverFollowsIt) {
  TurnAway(kHead);
  TurnAway(kHead);
  EXPECT_EQ(repeats_.head_bytes(), kHead.size());
  EXPECT_EQ(repeats_.body_bytes(), 2u);
  EXPECT_TRUE(IsAnswered(kHead));
  EXPECT_TRUE(IsAnswered(std::string(kHead) + "{}POST"));
  EXPECT_EQ(asked_, 2);
}

TEST_F(RepeatsTest, AnswersNoHeadThatDiffersAndNoneThatIsNotWhole) {
  TurnAway(kHead);
  TurnAway(kHead);
  for (std::size_t i = 0; i < kHead.size(); ++i) {
    std::string other(kHead);
    other[i] ^= 1;
    EXPECT_FALSE(IsAnswered(other)) << i;
    EXPECT_FALSE(IsAnswered(kHead.substr(0, i))) << i;
  }
  EXPECT_EQ(asked_, 0);
}

TEST_F(RepeatsTest, IsAskedEachTimeWhetherItIsStillSo) {
  TurnAway(kHead);
  TurnAway(kHead);
  is_refused_ = false;
  EXPECT_FALSE(IsAnswered(kHead));
  EXPECT_EQ(asked_, 1);
  is_refused_ = true;
  EXPECT_TRUE(IsAnswered(kHead));
}

TEST_F(RepeatsTest, ForgetsWhatWasBeforeAnyOtherHead) {
  TurnAway(kHead);
  TurnAway(kHead);
  repeats_.OnHead("GET / HTTP/1.1\r\nHost: a\r\n\r\n");  // It is served.
  EXPECT_FALSE(IsAnswered(kHead));
  TurnAway(kHead);
  EXPECT_FALSE(IsAnswered(kHead)) << "it was not turned away just before";
  EXPECT_EQ(repeats_.head_bytes(), 0u);
}

TEST_F(RepeatsTest, KeepsNoHeadThatIsLongAndNoneThatCameInPieces) {
  const std::string longest(Repeats::kHeadBytesMax, 'h');
  const std::string too_long(Repeats::kHeadBytesMax + 1, 'h');
  TurnAway(longest);
  TurnAway(longest);
  EXPECT_TRUE(IsAnswered(longest));
  for (const std::string& head : {too_long, std::string()}) {
    TurnAway(head);
    TurnAway(head);
    EXPECT_EQ(repeats_.head_bytes(), 0u);
    EXPECT_FALSE(IsAnswered(too_long));
  }
}

}  // namespace
}  // namespace holdfast::http
