#include "drill/traces.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "drill/serve_gen.h"
#include "drill/trace_builder.h"

namespace holdfast::drill {
namespace {

double Seconds(const TracedRequest& request) {
  return std::chrono::duration<double>(request.at).count();
}

Result<Trace> ParseText(const std::string& text, std::uint64_t seed = 1) {
  std::istringstream in(text);
  return ParseTrace(in, {}, seed);
}

TEST(Traces, ReadsTimesAndTokensFromTheFirstRequestOn) {
  const auto trace =
      ParseText("time,input_tokens,output_tokens\n10.5,100,20\r\n10.0,7,0\n\n12,3,4\n");
  ASSERT_TRUE(trace) << trace.error().message;
  ASSERT_EQ((*trace)->size(), 3u);
  EXPECT_EQ((**trace)[0].prompt_tokens, 7u);
  EXPECT_EQ((**trace)[0].output_tokens, 1u);
  EXPECT_DOUBLE_EQ(Seconds((**trace)[0]), 0);
  EXPECT_DOUBLE_EQ(Seconds((**trace)[1]), 0.5);
  EXPECT_DOUBLE_EQ(Seconds((**trace)[2]), 2);
}

TEST(Traces, SpreadsCountsOverTheirIntervals) {
  const auto trace = ParseText("time,count\n0,100\n60,0\n120,50\n", 3);
  ASSERT_TRUE(trace) << trace.error().message;
  ASSERT_EQ((*trace)->size(), 150u);
  const double last_of_first = Seconds((**trace)[99]);
  EXPECT_GT(last_of_first, 40);
  EXPECT_LT(last_of_first, 60);
  EXPECT_GT(Seconds((**trace)[100]), 110);
  EXPECT_LE(Seconds((**trace)[149]), 180);
}

TEST(Traces, ReadsTimeStampsAcrossMidnight) {
  const auto trace = ParseText(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-12-31 23:59:59.5000000,374,44\n"
      "2024-01-01 00:00:01.2500000,396,109\n");
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
      {"", "empty"},
      {"a,b\n1,2\n", "line 1"},
      {"time,input_tokens,output_tokens\n1,2,3\nx,2,3\n", "line 3"},
      {"time,input_tokens,output_tokens\n1,-2,3\n", "line 2"},
      {"time,input_tokens,output_tokens\n1,nan,3\n", "line 2"},
      {"time,input_tokens,output_tokens\n1,99999999999,3\n", "line 2"},
      {"TIMESTAMP,ContextTokens,GeneratedTokens\n2023-13-01 00:00:00,1,1\n", "line 2"},
      {"time,input_tokens,output_tokens\n1,2\n", "line 2"},
      {"time,input_tokens,output_tokens\n1,\"2,3\n", "line 2"},
      {"time,count\n0,2e12\n", "line 2"},
      {"time,count\n0,0\n", "no requests"},
      {"1,2,3,4\n", "line 1"},
      {"1,2,3\n\n1,x,3\n", "line 3"},
      {"time,input_tokens,output_tokens\n", "no requests"},
  };
  for (const auto& [text, message] : cases) {
    const auto trace = ParseText(text);
    ASSERT_FALSE(trace) << text;
    EXPECT_EQ(trace.error().code, ErrorCode::kCorrupt) << text;
    EXPECT_NE(trace.error().message.find(message), std::string::npos) << trace.error().message;
  }
  EXPECT_EQ(ReadTrace("/nonexistent").error().code, ErrorCode::kIo);
}

TEST(Traces, FindsColumnsByNameInAnyOrderAndSpelling) {
  for (const char* text : {
           "time,input_tokens,output_tokens\n5,10,20\n6,30,40\n",
           "\xEF\xBB\xBF\"Time\",\"Input Tokens\",\"Output "
           "Tokens\"\r\n\"5\",\"10\",\"20\"\r\n6,30,40",
           "output_tokens,time,note,input_tokens\n20,5,a,10\n40,6,\"b,c\",30\n",
           "timestamp_ms,prompt_tokens,completion_tokens\n5000,10,20\n6000,30,40\n",
           "Timestamp,Session ID,Model,Request tokens,Response tokens\n5,a,b,10,20\n6,a,b,30,40\n",
           "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10T00:00:05Z,10,20\n"
           "2024-05-10T01:00:06+01:00,30,40\n",
           "num_prefill_tokens,num_decode_tokens\n10,20\n30,40\n",
           "5,10,20\n6,30,40\n",
           "6,30,40\n5,10,20\n",
       }) {
    const auto trace = ParseText(text);
    ASSERT_TRUE(trace) << text << trace.error().message;
    ASSERT_EQ((*trace)->size(), 2u) << text;
    EXPECT_EQ((**trace)[0].prompt_tokens, 10u) << text;
    EXPECT_EQ((**trace)[1].output_tokens, 40u) << text;
    EXPECT_NEAR(Seconds((**trace)[1]), 1, 1e-6) << text;
  }
}

TEST(Traces, ReadsASingleLine) {
  EXPECT_EQ((*ParseText("time,input_tokens,output_tokens\n7,1,2\n"))->size(), 1u);
  EXPECT_EQ((*ParseText("time,count\n7,3\n"))->size(), 3u);
  EXPECT_EQ((*ParseText("7,3"))->size(), 3u);
}

TEST(Traces, CountsMayComeInAnyOrderWithHolesAndTwice) {
  const auto trace = ParseText("time,count\n60,10\n0,10\n120,5\n120,5\n100000,10\n");
  ASSERT_TRUE(trace) << trace.error().message;
  ASSERT_EQ((*trace)->size(), 40u);
  // Nothing of the line before the hole lies in it.
  EXPECT_LE(Seconds((**trace)[29]), 180);
  EXPECT_GT(Seconds((**trace)[30]), 99'000);
}

TEST(Traces, HugeCountsKeepTheirShape) {
  const auto trace = ParseText("time,count\n0,3e9\n60,1e9\n");
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_LE((*trace)->size(), kTraceRequestsMax);
  EXPECT_GT((*trace)->size(), kTraceRequestsMax * 9 / 10);
  const auto first =
      std::ranges::lower_bound(**trace, Duration(std::chrono::seconds(60)), {}, &TracedRequest::at);
  const auto share =
      static_cast<double>(first - (*trace)->begin()) / static_cast<double>((*trace)->size());
  EXPECT_NEAR(share, 0.75, 0.01);
}

TEST(Traces, CutsLengthsToWhatTheServiceAllows) {
  const auto trace = ParseText("time,input_tokens,output_tokens\n0,100000,50000\n");
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ((**trace)[0].prompt_tokens, Lengths{}.prompt_max);
  EXPECT_EQ((**trace)[0].output_tokens, Lengths{}.output_max);
}

TEST(TraceBuilder, KeepsEverySecondRequestOfATraceThatIsTooLong) {
  TraceBuilder builder({}, 8);
  for (int i = 0; i < 100; ++i) builder.Add(i, i + 1, 1);
  const auto trace = builder.Finish();
  ASSERT_TRUE(trace);
  ASSERT_LE((*trace)->size(), 8u);
  ASSERT_GE((*trace)->size(), 4u);
  const std::uint32_t step = (**trace)[1].prompt_tokens - (**trace)[0].prompt_tokens;
  for (std::size_t i = 0; i < (*trace)->size(); ++i) {
    EXPECT_EQ((**trace)[i].prompt_tokens, 1 + i * step);
  }
}

class ServeGenTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    Write("chunk-3-trace.csv", "0,0,0,,0,0\n600,0.5,1.4,Gamma,0.5,4\n1200,1,1,Weibull,1,1\n");
    Write("chunk-3-dataset.json",
          R"({"0": {"input_tokens": "{45: 0.25, 90: 0.75}", "output_tokens": "{8: 1.0}"},)"
          R"( "1200": {"input_tokens": "{7: 1}", "output_tokens": "{9: 1.0}"},)"
          R"( "1800": {"input_tokens": "{}", "output_tokens": "{}"}})");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const char* name, const std::string& text) { std::ofstream(folder_ / name) << text; }

  const std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) / "servegen";
};

TEST_F(ServeGenTest, DrawsArrivalsAndLengthsOfAllClients) {
  Write("chunk-12-trace.csv", "0,2,1,Gamma,1,1\n");
  Write("chunk-12-dataset.json", R"({"0": {"input_tokens": "{5: 1}", "output_tokens": "{6: 1}"}})");
  const auto trace = ReadTrace(folder_.string());
  ASSERT_TRUE(trace) << trace.error().message;
  int counts[3] = {}, long_prompts = 0;
  for (const TracedRequest& request : **trace) {
    const int which = request.output_tokens == 6 ? 0 : request.output_tokens == 8 ? 1 : 2;
    ++counts[which];
    if (which == 1) long_prompts += request.prompt_tokens == 90 ? 1 : 0;
  }
  EXPECT_NEAR(counts[0], 1200, 150);
  EXPECT_NEAR(counts[1], 300, 100);  // 0.5/s for ten minutes, in bursts.
  EXPECT_NEAR(counts[2], 600, 100);
  EXPECT_NEAR(static_cast<double>(long_prompts) / counts[1], 0.75, 0.08);
  const auto again = ReadTrace(folder_.string());
  EXPECT_EQ((*again)->size(), (*trace)->size());
  // One client alone, as it is in the folder.
  const auto one = ReadTrace((folder_ / "chunk-3-trace.csv").string());
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(static_cast<int>((*one)->size()), counts[1] + counts[2]);
}

TEST_F(ServeGenTest, SaysWhatIsWrong) {
  const auto fails_with = [&](ErrorCode code, const char* message) {
    const auto trace = ReadTrace(folder_.string());
    ASSERT_FALSE(trace) << message;
    EXPECT_EQ(trace.error().code, code) << message;
    EXPECT_NE(trace.error().message.find(message), std::string::npos) << trace.error().message;
  };
  Write("chunk-3-trace.csv", "0,0,0,,0,0\n600,x,1.4,Gamma,0.5,4\n");
  fails_with(ErrorCode::kCorrupt, "line 2");
  Write("chunk-3-trace.csv", "0,1,1,Gamma,1,1\n0,1,1,Gamma,1,1\n");
  fails_with(ErrorCode::kCorrupt, "line 2");
  Write("chunk-3-trace.csv", "0,0,0,,0,0\n");
  fails_with(ErrorCode::kCorrupt, "no requests");
  Write("chunk-3-trace.csv", "0,1e9,1,Gamma,1,1\n");
  fails_with(ErrorCode::kTooLarge, "requests by the rates");
  Write("chunk-3-dataset.json", R"({"0": {"input_tokens": "{5}", "output_tokens": "{6: 1}"}})");
  fails_with(ErrorCode::kCorrupt, "no histogram");
  Write("chunk-3-dataset.json", "{}");
  fails_with(ErrorCode::kCorrupt, "no lengths");
  std::filesystem::remove(folder_ / "chunk-3-dataset.json");
  fails_with(ErrorCode::kIo, "chunk-3-dataset.json");
  std::filesystem::remove(folder_ / "chunk-3-trace.csv");
  fails_with(ErrorCode::kNotFound, "no chunk-N");
}

}  // namespace
}  // namespace holdfast::drill
