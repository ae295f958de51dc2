// The small parts of the pool: breaker, choice, request body, specs, failures, metrics pages.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

#include "json/json.h"
#include "upstream/breaker.h"
#include "upstream/choice.h"
#include "upstream/engine_spec.h"
#include "upstream/failure.h"
#include "upstream/prometheus.h"
#include "upstream/request_body.h"
#include "upstream/watch.h"

namespace holdfast::upstream {
namespace {

using std::chrono::milliseconds;

class BreakerTest : public ::testing::Test {
 protected:
  static constexpr BreakerLimits kLimits{.failures_in_a_row_max = 3,
                                         .open_time = milliseconds(100),
                                         .open_time_max = milliseconds(300)};
  void Fail() {
    breaker_.Begin();
    breaker_.Fail(now_);
  }
  void Open() {
    for (int i = 0; i < kLimits.failures_in_a_row_max; ++i) Fail();
  }

  Breaker breaker_{kLimits};
  net::TimePoint now_{};
};

TEST_F(BreakerTest, OpensAfterFailuresInARowOnly) {
  Fail();
  Fail();
  breaker_.Begin();
  breaker_.Succeed();
  Fail();
  Fail();
  EXPECT_TRUE(breaker_.Admits(now_));
  Fail();
  EXPECT_FALSE(breaker_.Admits(now_));
  EXPECT_EQ(breaker_.Word(now_), "open");
}

TEST_F(BreakerTest, LetsOneCallTryAndClosesWhenItSucceeds) {
  Open();
  now_ += kLimits.open_time;
  EXPECT_EQ(breaker_.Word(now_), "half_open");
  ASSERT_TRUE(breaker_.Admits(now_));
  breaker_.Begin();
  EXPECT_FALSE(breaker_.Admits(now_));
  breaker_.Release();
  EXPECT_TRUE(breaker_.Admits(now_)) << "its answer has begun";
  breaker_.Succeed();
  EXPECT_EQ(breaker_.Word(now_), "closed");
}

TEST_F(BreakerTest, StaysOpenTwiceAsLongEachTimeUpToALimit) {
  Open();
  for (const int open_ms : {100, 200, 300, 300}) {
    const milliseconds open(open_ms);
    EXPECT_FALSE(breaker_.Admits(now_ + open - milliseconds(1)));
    now_ += open;
    ASSERT_TRUE(breaker_.Admits(now_));
    Fail();
  }
}

TEST_F(BreakerTest, IsNotKeptOpenByCallsFromBefore) {
  breaker_.Begin();
  Open();
  breaker_.Fail(now_ + milliseconds(50));
  EXPECT_TRUE(breaker_.Admits(now_ + kLimits.open_time));
}

TEST_F(BreakerTest, TriesAtOnceWhenTheEngineIsSeenToComeBack) {
  Open();
  breaker_.Probe(now_);
  EXPECT_TRUE(breaker_.Admits(now_));
}

std::vector<Candidate> ThreeEngines() {
  return {{.engine = 0, .name_hash = 11},
          {.engine = 1, .name_hash = 22},
          {.engine = 2, .name_hash = 33}};
}

TEST(ChooseEngine, TakesTheLeastLoadForItsWeight) {
  std::vector<Candidate> candidates = ThreeEngines();
  candidates[0].load = 4;
  candidates[1].load = 6;
  candidates[1].weight = 2;
  candidates[2].load = 5;
  for (std::uint64_t turn = 0; turn < 20; ++turn) {
    EXPECT_EQ(ChooseEngine(candidates, /*key=*/0, turn), 1u);
  }
  EXPECT_EQ(ChooseEngine({}, 0, 0), std::nullopt);
}

TEST(ChooseEngine, SpreadsWhatIsEqual) {
  std::array<int, 3> counts{};
  const std::vector<Candidate> candidates = ThreeEngines();
  for (std::uint64_t turn = 1; turn <= 3'000; ++turn) {
    ++counts[*ChooseEngine(candidates, 0, turn * 7919)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 1'000, 150);
}

TEST(ChooseEngine, KeepsAConversationWhereItsPrefixIsUnlessThatIsMuchBusier) {
  std::vector<Candidate> candidates = ThreeEngines();
  constexpr std::uint64_t kKey = 4711;
  const std::size_t home = *ChooseEngine(candidates, kKey, 0);
  for (Candidate& candidate : candidates) candidate.load = 8;
  candidates[home].load = kAffineLoadFactor * 8 + kAffineLoadSlack;
  EXPECT_EQ(ChooseEngine(candidates, kKey, 1), home);
  candidates[home].load += 0.01;
  EXPECT_NE(ChooseEngine(candidates, kKey, 2), home);
}

TEST(ChooseEngine, MovesOnlyTheConversationsOfAnEngineThatIsLost) {
  const std::vector<Candidate> all = ThreeEngines();
  const std::vector<Candidate> rest(all.begin(), all.begin() + 2);
  for (std::uint64_t key = 1; key < 500; ++key) {
    const std::size_t home = *ChooseEngine(all, key, 0);
    if (home != 2) {
      EXPECT_EQ(ChooseEngine(rest, key, 0), home);
    }
  }
}

TEST(RequestBody, AsksForUsageWithAsFewChangesAsPossible) {
  struct Case {
    std::string_view body;
    std::string_view sent;
    bool client_wants_usage;
  };
  const Case cases[] = {
      {R"({"model":"m"})", R"({"stream_options":{"include_usage":true},"model":"m"})", false},
      {R"({})", R"({"stream_options":{"include_usage":true}})", false},
      {R"({"stream_options":{"include_usage":true}})",
       R"({"stream_options":{"include_usage":true}})", true},
      {R"({"stream_options":{"include_usage":false},"a":1})",
       R"({"stream_options":{"include_usage":true},"a":1})", false},
      {R"({"stream_options":{"x":1}})", R"({"stream_options":{"include_usage":true,"x":1}})",
       false},
      {R"({"stream_options":{}})", R"({"stream_options":{"include_usage":true}})", false},
      {R"({"stream_options":null,"a":1})", R"({"stream_options":{"include_usage":true},"a":1})",
       false},
      {R"({"stream_options":7})", R"({"stream_options":7})", true},
      {R"({"stream_options":{"include_usage":"yes"}})",
       R"({"stream_options":{"include_usage":"yes"}})", true},
      {R"([])", R"([])", true},
      {R"({"a")", R"({"a")", true},
  };
  for (const Case& one : cases) {
    const auto body = std::make_shared<const std::string>(one.body);
    const RequestBody request(body, /*is_stream=*/true);
    std::string sent;
    for (const std::string_view part : request.Parts(/*asks_running_usage=*/false)) sent += part;
    EXPECT_EQ(sent, one.sent) << one.body;
    EXPECT_EQ(request.client_wants_usage(), one.client_wants_usage) << one.body;
    std::string whole;
    for (const std::string_view part : RequestBody(body, false).Parts(true)) whole += part;
    EXPECT_EQ(whole, one.body);
  }
}

TEST(RequestBody, AsksForRunningUsageWhereItIsTaken) {
  struct Case {
    std::string_view body;
    std::string_view sent;
    bool client_wants_running_usage;
  };
  const Case cases[] = {
      {R"({"a":1})",
       R"({"stream_options":{"include_usage":true,"continuous_usage_stats":true},"a":1})", false},
      {"{}", R"({"stream_options":{"include_usage":true,"continuous_usage_stats":true}})", false},
      {R"({"stream_options":null,"a":1})",
       R"({"stream_options":{"include_usage":true,"continuous_usage_stats":true},"a":1})", false},
      {R"({"stream_options":{}})",
       R"({"stream_options":{"include_usage":true,"continuous_usage_stats":true}})", false},
      {R"({"stream_options":{"x":1}})",
       R"({"stream_options":{"include_usage":true,"continuous_usage_stats":true,"x":1}})", false},
      {R"({"stream_options":{"include_usage":true}})",
       R"({"stream_options":{"continuous_usage_stats":true,"include_usage":true}})", false},
      {R"({"stream_options":{"continuous_usage_stats":true}})",
       R"({"stream_options":{"include_usage":true,"continuous_usage_stats":true}})", true},
      {R"({"stream_options":{"continuous_usage_stats":false,"include_usage":null},"a":1})",
       R"({"stream_options":{"continuous_usage_stats":true,"include_usage":true},"a":1})", false},
      {R"({"stream_options":{"continuous_usage_stats":"x"}})",
       R"({"stream_options":{"include_usage":true,"continuous_usage_stats":"x"}})", false},
      {R"({"stream_options":{"include_usage":"yes"}})",
       R"({"stream_options":{"include_usage":"yes"}})", false},
      {R"({"stream_options":[]})", R"({"stream_options":[]})", false},
      {R"([])", R"([])", false},
  };
  for (const Case& one : cases) {
    const RequestBody request(std::make_shared<const std::string>(one.body), /*is_stream=*/true);
    std::string sent;
    for (const std::string_view part : request.Parts(/*asks_running_usage=*/true)) sent += part;
    EXPECT_EQ(sent, one.sent) << one.body;
    EXPECT_EQ(request.client_wants_running_usage(), one.client_wants_running_usage) << one.body;
  }
}

TEST(ParseEngineUrl, TakesUnixHttpAndHttps) {
  struct Case {
    std::string_view url;
    std::string_view endpoint;
    bool is_tls;
    std::string_view base;
  };
  const Case cases[] = {
      {"unix:/run/e.sock", "unix:/run/e.sock", false, ""},
      {"http://localhost:8000", "localhost:8000", false, ""},
      {"http://localhost", "localhost:80", false, ""},
      {"https://api.example.com/v1", "api.example.com:443", true, ""},
      {"https://example.com/a/b/v1/", "example.com:443", true, "/a/b"},
      {"http://[::1]:9/base", "[::1]:9", false, "/base"},
      {"http://[::1]", "[::1]:80", false, ""},
  };
  for (const Case& one : cases) {
    const Result<EngineAddress> address = ParseEngineUrl(one.url);
    ASSERT_TRUE(address) << one.url;
    EXPECT_EQ(address->endpoint.ToString(), one.endpoint) << one.url;
    EXPECT_EQ(address->is_tls, one.is_tls) << one.url;
    EXPECT_EQ(address->base, one.base) << one.url;
  }
  for (const std::string_view url :
       {"", "localhost:8000", "ftp://a", "http://", "http://a:99999", "http://u:p@a",
        "unix:", "http://a/b?c=d", "http://a/b#c", "http://a/b c", "http://a\r\nx: y"}) {
    const Result<EngineAddress> address = ParseEngineUrl(url);
    ASSERT_FALSE(address) << url;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalidArgument) << url;
  }
}

TEST(ReadKeyFile, TakesTheFirstLineAndNeverShowsIt) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("holdfast-key-{}", ::getpid());
  struct Case {
    std::string content;
    std::string_view key;
    std::optional<ErrorCode> error;
  };
  const Case cases[] = {
      {"sk-1234\n", "sk-1234", {}},
      {"  sk-1234 \r\nsecond line\n", "sk-1234", {}},
      {"", "", ErrorCode::kInvalidArgument},
      {"\nsk", "", ErrorCode::kInvalidArgument},
      {"sk\x01secret", "", ErrorCode::kInvalidArgument},
      {std::string(5'000, 'k'), "", ErrorCode::kTooLarge},
  };
  for (const Case& one : cases) {
    std::ofstream(path, std::ios::binary) << one.content;
    const Result<Secret> key = ReadKeyFile(path);
    ASSERT_EQ(key.has_value(), !one.error.has_value());
    if (key) {
      EXPECT_TRUE(key->Equals(one.key));
    } else {
      EXPECT_EQ(key.error().code, *one.error);
      EXPECT_EQ(key.error().message.find("secret"), std::string::npos);
    }
  }
  std::filesystem::remove(path);
  const Result<Secret> missing = ReadKeyFile(path);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

TEST(Secret, MovesWithoutLeavingACopy) {
  Secret first("short");
  Secret second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): what is left is the point.
  EXPECT_TRUE(second.Equals("short"));
  EXPECT_FALSE(second.Equals("shorT"));
  EXPECT_FALSE(second.Equals("short "));
  std::string text = "wiped";
  const char* const bytes = text.data();
  Secret::Wipe(text);
  EXPECT_TRUE(text.empty());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(bytes[i], '\0');
}

TEST(ToReason, IsTotalAndKeepsWhatOurEnginesSay) {
  for (int i = 0; i < kFailureKindCount; ++i) {
    Failure failure;
    failure.kind = static_cast<FailureKind>(i);
    failure.stop = net::StopReason::kClientLeft;
    EXPECT_NE(ToReason(failure), Reason::kInternal) << FailureWord(failure.kind);
    EXPECT_FALSE(FailureWord(failure.kind).empty());
  }
  struct Case {
    FailureKind kind;
    int status;
    std::string_view reason;
    std::string_view code;
    Reason told;
  };
  const Case cases[] = {
      {FailureKind::kTimedOutConnecting, 0, "", "", Reason::kEngineRestarting},
      {FailureKind::kUnreachable, 0, "", "", Reason::kEngineRestarting},
      {FailureKind::kResourceExhausted, 0, "", "", Reason::kConnectionsFull},
      {FailureKind::kTimedOutTotal, 0, "", "", Reason::kDeadlineExceeded},
      {FailureKind::kRefused, 400, "", "", Reason::kBadRequest},
      {FailureKind::kRefused, 400, "context_too_long", "", Reason::kContextTooLong},
      {FailureKind::kRefused, 400, "", "context_length_exceeded", Reason::kContextTooLong},
      {FailureKind::kRefused, 404, "", "", Reason::kModelNotFound},
      {FailureKind::kRefused, 413, "", "", Reason::kTooLarge},
      {FailureKind::kRefused, 400, "internal", "", Reason::kBadRequest},
      {FailureKind::kBusy, 429, "", "", Reason::kQueueFull},
      {FailureKind::kBusy, 503, "draining", "", Reason::kDraining},
      {FailureKind::kBusy, 503, "your_rate", "", Reason::kQueueFull},
      {FailureKind::kError, 500, "", "", Reason::kUpstreamDown},
  };
  for (const Case& one : cases) {
    Failure failure;
    failure.kind = one.kind;
    failure.status = one.status;
    failure.error.emplace();
    failure.error->reason = one.reason;
    failure.error->code = one.code;
    EXPECT_EQ(ToReason(failure), one.told) << FailureWord(one.kind) << one.reason << one.code;
  }
}

TEST(ReadEngineMetrics, KnowsThePagesOfOtherEngines) {
  const Result<EngineMetrics> vllm = ReadEngineMetrics(
      "# HELP vllm:num_requests_running Number.\n# TYPE vllm:num_requests_running gauge\n"
      "vllm:num_requests_running{engine=\"0\",model_name=\"a\\\"}b\"} 3.0\n"
      "vllm:num_requests_running{engine=\"1\",model_name=\"a\"} 2\n"
      "vllm:num_requests_waiting{model_name=\"a\",} 1.0 1700000000000\n"
      "vllm:kv_cache_usage_perc{engine=\"0\"} 0.5\nvllm:kv_cache_usage_perc{engine=\"1\"} 1\n"
      "vllm:generation_tokens_total 1e3\nother NaN\nother_bucket{le=\"+Inf\"} +Inf\n");
  ASSERT_TRUE(vllm) << vllm.error().message;
  EXPECT_EQ(vllm->running, 5);
  EXPECT_EQ(vllm->waiting, 1);
  EXPECT_EQ(vllm->cache_use, 0.75);
  EXPECT_EQ(vllm->tokens_total, 1000);
  EXPECT_EQ(vllm->tokens_per_s, std::nullopt);
  EXPECT_TRUE(vllm->is_of_vllm_or_sglang);
  const Result<EngineMetrics> llama = ReadEngineMetrics(
      "llamacpp:requests_processing 1\r\nllamacpp:requests_deferred 2\r\n"
      "llamacpp:predicted_tokens_seconds 7.5\r\n");
  ASSERT_TRUE(llama);
  EXPECT_EQ(llama->running, 1);
  EXPECT_EQ(llama->waiting, 2);
  EXPECT_EQ(llama->tokens_per_s, 7.5);
  EXPECT_FALSE(llama->is_of_vllm_or_sglang);
  const Result<EngineMetrics> sglang = ReadEngineMetrics(
      "sglang:num_running_reqs 4\nsglang:num_queue_reqs 5\nsglang:token_usage 0.25\n"
      "sglang:gen_throughput 90");
  ASSERT_TRUE(sglang);
  EXPECT_EQ(sglang->waiting, 5);
  EXPECT_EQ(sglang->cache_use, 0.25);
  EXPECT_TRUE(sglang->is_of_vllm_or_sglang);
}

TEST(ReadEngineMetrics, TakesNothingFromAMalformedPage) {
  for (const std::string_view page :
       {"<html>\n", "a\n", "a b\n", "1a 2\n", "a{b=c} 1\n", "a{b=\"c} 1\n",
        "a{b=\"c\" d=\"e\"} 1\n", "a 1 2 3\n", "a 1e999\n", "a{} \n"}) {
    const Result<EngineMetrics> metrics = ReadEngineMetrics(page);
    ASSERT_FALSE(metrics) << page;
    EXPECT_EQ(metrics.error().code, ErrorCode::kInvalidArgument) << page;
  }
  EXPECT_FALSE(ReadEngineMetrics(std::string(kMetricsBytesMax + 1, '\n')));
}

TEST(ReadModels, ReadsListsAndRefusesTheRest) {
  const Result<std::vector<ModelInfo>> models = ReadModels(
      R"({"data":[{"id":"org/name:4b","created":5,"owned_by":"vllm","max_model_len":4096},)"
      R"({"id":"b"}]})");
  ASSERT_TRUE(models);
  ASSERT_EQ(models->size(), 2u);
  EXPECT_EQ(models->at(0).id, "org/name:4b");
  EXPECT_EQ(models->at(0).created_s, 5);
  EXPECT_EQ(models->at(0).owned_by, "vllm");
  EXPECT_EQ(models->at(0).context_max, 4096);
  for (const std::string_view body : {"", "[]", "{}", R"({"data":[{}]})", R"({"data":[1]})"}) {
    EXPECT_FALSE(ReadModels(body)) << body;
  }
}

}  // namespace
}  // namespace holdfast::upstream
