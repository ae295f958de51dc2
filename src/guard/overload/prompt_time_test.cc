#include "guard/overload/prompt_time.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

TEST(PromptTime, FindsBaseAndSlopeUnderNoiseThatOnlyAdds) {
  Random random(11);
  PromptTime time;
  EXPECT_FALSE(time.is_known());
  for (int i = 0; i < 500; ++i) {
    const auto tokens = static_cast<std::uint32_t>(50 + random.Next() % 4000);
    time.Learn(tokens, 0.05 + 1e-4 * tokens - 0.03 * std::log(1 - random.Uniform()));
  }
  EXPECT_NEAR(time.seconds(0), 0.06, 0.03);
  EXPECT_NEAR(time.seconds(4000) - time.seconds(0), 0.4, 0.05);
}

TEST(PromptTime, MakesNoSlopeOfPromptsAllAlike) {
  PromptTime time;
  for (int i = 0; i < 100; ++i) time.Learn(1000, i % 2 == 0 ? 0.2 : 0.25);
  EXPECT_GT(time.seconds(1000), 0.19);
  EXPECT_LT(time.seconds(1000), 0.25);
  EXPECT_GE(time.seconds(0), 0);
  EXPECT_LT(time.seconds(2000), 0.5);
}

TEST(PromptTime, ForgetsAnEngineThatWasFaster) {
  PromptTime time;
  for (int i = 0; i < 500; ++i) time.Learn(1000, 0.1);
  for (int i = 0; i < 300; ++i) time.Learn(1000, 0.4);
  EXPECT_NEAR(time.seconds(1000), 0.4, 0.02);
}

}  // namespace
}  // namespace holdfast::guard
