#include "drill/engine_profile_file.h"

#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::drill {
namespace {

Result<verdict::EngineProfile> Parse(const std::string& text) {
  std::istringstream in(text);
  return ParseEngineProfile(in);
}

TEST(EngineProfileFile, ReadsWhatTheBenchPrints) {
  const auto profile = Parse(
      "# 60 shapes; error of a step: median 3.1 %\n[engine_profile]\nstep_base_s = 0.00061\n"
      "step_per_sequence_s = 8.1e-05\nstep_per_context_token_s=0\r\n  prefill_token_s = 6.5e-05  # "
      "x\n"
      "\nsequences_max = 16\nworkers = 2");
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_DOUBLE_EQ(profile->step_base_s, 0.00061);
  EXPECT_DOUBLE_EQ(profile->step_per_sequence_s, 8.1e-05);
  EXPECT_DOUBLE_EQ(profile->step_per_context_token_s, 0);
  EXPECT_DOUBLE_EQ(profile->prefill_token_s, 6.5e-05);
  EXPECT_EQ(profile->sequences_max, 16);
  EXPECT_EQ(profile->workers, 2);
  EXPECT_EQ(profile->cache_tokens_max, verdict::EngineProfile{}.cache_tokens_max);
}

TEST(EngineProfileFile, NamesTheLineThatIsWrong) {
  const struct {
    std::string text;
    const char* message;
  } cases[] = {
      {"step_base_s = 1\nspeed = 2\n", "line 2"},
      {"step_base_s\n", "line 1"},
      {"step_base_s = fast\n", "line 1"},
      {"step_base_s = -1\n", "line 1"},
      {"sequences_max = 0\n", "line 1"},
      {"[other]\n", "line 1"},
      {"step_base_s = 0\nstep_per_sequence_s = 0\n", "no time"},
      {"# " + std::string(2000, 'x'), "line 1"},
  };
  for (const auto& [text, message] : cases) {
    const auto profile = Parse(text);
    ASSERT_FALSE(profile) << text;
    EXPECT_EQ(profile.error().code, ErrorCode::kCorrupt) << text;
    EXPECT_NE(profile.error().message.find(message), std::string::npos) << profile.error().message;
  }
  EXPECT_EQ(ReadEngineProfile("/nonexistent").error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace holdfast::drill
