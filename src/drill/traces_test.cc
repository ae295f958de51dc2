#include "drill/traces.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace holdfast::drill {
namespace {

double Seconds(const TracedRequest& request) {
  return std::chrono::duration<double>(request.at).count();
}

TEST(Traces, ReadsTimesAndTokensFromTheFirstRequestOn) {
  const auto trace =
      ParseTrace("time,input_tokens,output_tokens\n10.5,100,20\r\n10.0,7,0\n\n12,3,4\n", {}, 1);
  ASSERT_TRUE(trace) << trace.error().message;
  ASSERT_EQ((*trace)->size(), 3u);
  EXPECT_EQ((**trace)[0].prompt_tokens, 7u);
  EXPECT_EQ((**trace)[0].output_tokens, 1u);
  EXPECT_DOUBLE_EQ(Seconds((**trace)[0]), 0);
  EXPECT_DOUBLE_EQ(Seconds((**trace)[1]), 0.5);
  EXPECT_DOUBLE_EQ(Seconds((**trace)[2]), 2);
}

TEST(Traces, SpreadsCountsOverTheirIntervals) {
  const auto trace = ParseTrace("time,count\n0,100\n60,0\n120,50\n", {}, 3);
  ASSERT_TRUE(trace) << trace.error().message;
  ASSERT_EQ((*trace)->size(), 150u);
  const double last_of_first = Seconds((**trace)[99]);
  EXPECT_GT(last_of_first, 40);
  EXPECT_LT(last_of_first, 60);
  EXPECT_GT(Seconds((**trace)[100]), 110);
  EXPECT_LE(Seconds((**trace)[149]), 180);
}

TEST(Traces, ReadsTimeStampsAcrossMidnight) {
  const auto trace = ParseTrace(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-12-31 23:59:59.5000000,374,44\n"
      "2024-01-01 00:00:01.2500000,396,109\n",
      {}, 1);
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_NEAR(Seconds((**trace)[1]), 1.75, 1e-6);
}

TEST(Traces, ReadsTheExcerptOfARealOne) {
  const auto trace =
      ReadTrace(HOLDFAST_SOURCE_DIR "/tests/data/traces/azure_conversation_2023_excerpt.csv");
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ((*trace)->size(), 400u);
}

TEST(Traces, RefusesWhatIsNoTraceAndNamesTheLine) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"", "line 1"},
      {"a,b\n1,2\n", "line 1"},
      {"time,input_tokens,output_tokens\n1,2,3\nx,2,3\n", "line 3"},
      {"time,input_tokens,output_tokens\n1,-2,3\n", "line 2"},
      {"time,input_tokens,output_tokens\n1,nan,3\n", "line 2"},
      {"time,input_tokens,output_tokens\n1,99999999999,3\n", "line 2"},
      {"TIMESTAMP,ContextTokens,GeneratedTokens\n2023-13-01 00:00:00,1,1\n", "line 2"},
      {"time,count\n0,5000001\n", "line 2"},
      {"time,input_tokens,output_tokens\n", "no requests"},
  };
  for (const auto& [text, message] : cases) {
    const auto trace = ParseTrace(text, {}, 1);
    ASSERT_FALSE(trace) << text;
    EXPECT_EQ(trace.error().code, ErrorCode::kCorrupt) << text;
    EXPECT_NE(trace.error().message.find(message), std::string::npos) << trace.error().message;
  }
  EXPECT_EQ(ReadTrace("/nonexistent").error().code, ErrorCode::kIo);
}

TEST(Traces, ReadsAClientOfServeGen) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "servegen";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "chunk-3-trace.csv") << "0,0,0,,0,0\n600,0.5,1.4,Gamma,0.5,4\n";
  std::ofstream(folder / "chunk-3-dataset.json")
      << R"({"0": {"input_tokens": "{45: 0.25, 90: 0.75}", "output_tokens": "{8: 1.0}"},)"
         R"( "600": {"input_tokens": "{}", "output_tokens": "{}"}})";
  const auto programs = ReadServeGen(folder.string(), 3);
  ASSERT_TRUE(programs) << programs.error().message;
  ASSERT_EQ(programs->windows.size(), 2u);
  EXPECT_EQ(programs->windows[0].rate_per_s, 0);
  EXPECT_EQ(programs->windows[1].law, ArrivalLaw::kGamma);
  EXPECT_DOUBLE_EQ(programs->windows[1].shape, 0.5);
  int long_prompts = 0;
  for (const TracedRequest& sample : *programs->lengths.samples) {
    EXPECT_EQ(sample.output_tokens, 8u);
    long_prompts += sample.prompt_tokens == 90 ? 1 : 0;
  }
  EXPECT_NEAR(long_prompts / 4096.0, 0.75, 0.03);
  EXPECT_FALSE(ReadServeGen(folder.string(), 4));
}

}  // namespace
}  // namespace holdfast::drill
