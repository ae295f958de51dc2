#include "conversations/search.h"

#include "conversations/testing/with_tables.h"

namespace holdfast::conversations {
namespace {

using testing::KeyOf;
using SearchTest = testing::WithTables;
INSTANTIATE_TEST_SUITE_P(Stores, SearchTest, store::testing::kBoth, store::testing::KindName);

TEST_P(SearchTest, FindsTitlesAndMessagesWhateverTheirCase) {
  History history = NewHistory();
  const std::string titled = history.Create("ada", "ÜBER Wale")->id;
  const auto [id, question] = Ask("ada", "Tell me über\nwhales");
  ASSERT_TRUE(history.Add("ada", id, {.parent = question, .content = "Nothing of it."}));
  Ask("bob", "über all");

  const auto found = Search(database(), KeyOf, "ada", "Über");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(found->is_complete);
  ASSERT_EQ(found->results.size(), 2u);
  EXPECT_EQ(found->results[0].conversation, titled);
  EXPECT_EQ(found->results[0].message, std::nullopt);
  EXPECT_EQ(found->results[1].conversation, id);
  EXPECT_EQ(found->results[1].message, question);
  EXPECT_EQ(found->results[1].title, "title");
  EXPECT_EQ(found->results[1].snippet, "Tell me über whales");
  EXPECT_EQ(found->results[1].created_at_ms, now_ms);
}

TEST_P(SearchTest, LooksThroughEveryPageAndStopsAtItsLimits) {
  constexpr int kMessages = 1'100;
  std::vector<ConversationTree> trees(1);
  trees[0].conversation.title = "many";
  for (int i = 0; i < kMessages; ++i) {
    trees[0].messages.push_back({.id = std::to_string(i),
                                 .content = i % 500 == 0 ? "a needle" : "hay",
                                 .created_at_ms = i / 7});
  }
  ASSERT_TRUE(NewHistory().Import("ada", trees));
  const auto all = Search(database(), KeyOf, "ada", "NEEDLE");
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->results.size(), 3u);
  EXPECT_TRUE(all->is_complete);
  EXPECT_GT(all->results[0].created_at_ms, all->results[2].created_at_ms) << "newest first";

  const auto one = Search(database(), KeyOf, "ada", "needle", {.results_max = 1});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->results.size(), 1u);
  EXPECT_FALSE(one->is_complete);

  std::chrono::steady_clock::time_point now{};
  const auto hasty =
      Search(database(), KeyOf, "ada", "needle", {.time_max = std::chrono::milliseconds(2)},
             [&] { return now += std::chrono::milliseconds(1); });
  ASSERT_TRUE(hasty);
  EXPECT_FALSE(hasty->is_complete);
  EXPECT_TRUE(hasty->results.empty()) << "the titles took all the time there was";
}

TEST_P(SearchTest, RefusesNothingAndTooMuch) {
  EXPECT_EQ(Search(database(), KeyOf, "ada", "").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Search(database(), KeyOf, "ada", std::string(kQueryBytesMax + 1, 'q')).error().code,
            ErrorCode::kTooLarge);
}

TEST(FoldCase, KeepsEveryByteWhereItIs) {
  const struct {
    std::string_view text;
    std::string_view folded;
  } cases[] = {
      {"Hello, WORLD [@]", "hello, world [@]"},
      {"ÀÖ×ØÞß", "àö×øþß"},
      {"ĀĶŁŇŸŽıİ", "āķłňÿžıİ"},
      {"ΆΈΉΊΌΎΏΑΩΫς", "άέήίόύώαωϋσ"},
      {"ЀЏАЯ", "ѐџая"},
      {"漢字🩷Ａ", "漢字🩷Ａ"},
      {"\xC3", "\xC3"},
      {"\xC3\xC3\x84", "\xC3\xC3\xA4"},
      {"\xC0\x80", "\xC0\x80"},
  };
  for (const auto& [text, folded] : cases) {
    EXPECT_EQ(FoldCase(text), folded) << text;
    EXPECT_EQ(FoldCase(text).size(), text.size()) << text;
  }
}

TEST(Snippet, CutsBetweenCharactersAndSaysWhere) {
  EXPECT_EQ(Snippet("a short\ntext", 2, 5), "a short text");
  std::string text;
  for (int i = 0; i < 100; ++i) text += "ä";
  const std::string around = Snippet(text, 100, 2);
  EXPECT_TRUE(around.starts_with("…ä")) << around;
  EXPECT_TRUE(around.ends_with("ä…")) << around;
  EXPECT_LE(around.size(), 2 * kSnippetBytes + 2 + 6 + 2);
  EXPECT_EQ(Snippet(text, 0, 2).find("…"), kSnippetBytes + 2);
}

}  // namespace
}  // namespace holdfast::conversations
