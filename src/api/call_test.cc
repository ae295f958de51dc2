#include "api/call.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::api {
namespace {

TEST(Progress, CountsPiecesUntilTheEngineSaysHowManyTokensTheyAre) {
  int first_tokens = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> used;
  Progress progress(
      [&] { ++first_tokens; }, [] {},
      [&](const TokenCounts& counts) { used.emplace_back(counts.prompt, counts.output); });
  progress.OnTokens(0);
  progress.OnTokens(0, TokenCounts{30, 0});
  EXPECT_EQ(first_tokens, 0) << "a prompt is no token";
  progress.OnTokens(1, TokenCounts{30, 2});
  progress.OnTokens(1);
  progress.OnTokens(0, TokenCounts{30, 7});
  EXPECT_EQ(first_tokens, 1);
  using Used = std::vector<std::pair<std::int64_t, std::int64_t>>;
  EXPECT_EQ(used, (Used{{30, 0}, {30, 2}, {30, 3}, {30, 7}}));
  EXPECT_EQ(progress.prompt_tokens(), 30);
  EXPECT_EQ(progress.output_tokens(), 7);
}

TEST(Progress, WasCutUnlessTheEngineCameToTheEnd) {
  Progress progress([] {}, [] {});
  progress.OnTokens(1);
  EXPECT_TRUE(progress.was_cut());
  progress.OnEngineDone(3, 1);
  EXPECT_FALSE(progress.was_cut());
  progress.OnCut();
  EXPECT_TRUE(progress.was_cut()) << "its tokens are known, and it was stopped";
}

}  // namespace
}  // namespace holdfast::api
