// A whole run over real sockets, in one process: callers before the scripted engine alone.
#include "rehearsal/run.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rehearsal/engine.h"
#include "rehearsal/faults.h"
#include "rehearsal/score.h"

namespace holdfast::rehearsal {
namespace {

class RunTest : public ::testing::Test {
 protected:
  RunTest() {
    std::string name = "/tmp/holdfast-rehearsal-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~RunTest() override { std::filesystem::remove_all(folder_); }

  void StartEngine(EngineOptions options) {
    options.listen.host = "127.0.0.1";
    Result<std::unique_ptr<ScriptedEngine>> engine = ScriptedEngine::Open(options);
    ASSERT_TRUE(engine) << engine.error().message;
    engine_ = std::move(*engine);
  }

  Record RunPlan(const std::string& groups, bool uses_sink = false,
                 const std::map<std::string, pid_t>& processes = {}) {
    const Result<Plan> plan =
        ParsePlan(R"({"name":"t","seconds":2,"drain":5,"slo":{"first_token_ms":60000,)"
                  R"("token_interval_ms":60000},"groups":[)" +
                      groups + "]}",
                  {.target = "http://" + engine_->endpoint().ToString(), .processes = processes});
    EXPECT_TRUE(plan) << plan.error().message;
    const std::filesystem::path folder = folder_ / std::to_string(++runs_);
    const Result<RunSummary> summary =
        rehearsal::Run(*plan, {.folder = folder, .uses_sink = uses_sink});
    EXPECT_TRUE(summary) << summary.error().message;
    Result<Record> record = ReadRecord(folder);
    EXPECT_TRUE(record) << record.error().message;
    return record ? std::move(*record) : Record{};
  }

  std::filesystem::path folder_;
  std::unique_ptr<ScriptedEngine> engine_;
  int runs_ = 0;
};

constexpr EngineOptions kFast{.tokens_per_s = 100'000, .slots = 100};

std::uint64_t CountEnds(const Record& record, std::uint32_t group, Act act, End end) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(record.attempts, [&](const Attempt& attempt) {
        return attempt.group == group && attempt.act == act && attempt.end == end;
      }));
}

TEST_F(RunTest, ProgramsAreAnsweredInFull) {
  StartEngine(kFast);
  const Record record =
      RunPlan(R"({"kind":"programs","rate":20,"addresses":5,"output_tokens":7},)"
              R"({"kind":"programs","rate":20,"stream":false,"output_tokens":7})");
  for (const std::uint32_t group : {0U, 1U}) {
    EXPECT_GT(CountEnds(record, group, Act::kChat, End::kDone), 10U);
    EXPECT_EQ(CountEnds(record, group, Act::kChat, End::kFailed), 0U);
  }
  for (const Attempt& attempt : record.attempts) {
    EXPECT_EQ(attempt.tokens, 7U);
    EXPECT_LE(attempt.begun, attempt.first_token);
    EXPECT_LE(attempt.first_token, attempt.last_token);
    EXPECT_LE(attempt.last_token, attempt.ended);
  }
  EXPECT_EQ(ScoreOf(record).honest().good_share(), 1);
}

TEST_F(RunTest, TheEngineMakesAsManyTokensAsItIsSaidTo) {
  StartEngine({.tokens_per_s = 200, .slots = 4});
  // Twenty ask without end for 10 tokens each: 20 answers a second and no more.
  const Record record = RunPlan(R"({"kind":"steady","clients":20,"output_tokens":10,"end":2})");
  Micros first = INT64_MAX;
  Micros last = 0;
  double tokens = 0;
  for (const Attempt& attempt : record.attempts) {
    if (attempt.tokens == 0) continue;
    first = std::min(first, attempt.begun);
    last = std::max(last, attempt.last_token);
    tokens += attempt.tokens;
  }
  const double rate = tokens / (static_cast<double>(last - first) / 1e6);
  EXPECT_LE(rate, 200 * 1.05);
  EXPECT_GE(rate, 200 * 0.5) << "however busy this machine is";
}

TEST_F(RunTest, WhoeverComesBeyondTheEnginesLineIsRefusedAndTriesAgain) {
  StartEngine({.tokens_per_s = 10, .slots = 1, .waiting_max = 1});
  const Record record = RunPlan(R"({"kind":"naive","rate":20,"output_tokens":1})");
  EXPECT_GT(CountEnds(record, 0, Act::kChat, End::kRefused), 10U);
  const auto most = std::ranges::max_element(record.attempts, {}, &Attempt::retry);
  ASSERT_NE(most, record.attempts.end());
  EXPECT_EQ(most->retry, 3U);
  EXPECT_GT(ScoreOf(record).honest().refused_by_status.at(503), 0U);
}

TEST_F(RunTest, EachKindDoesWhatItIsCalled) {
  StartEngine(kFast);
  const Record record =
      RunPlan(R"({"kind":"abandon","rate":20,"output_tokens":5000},)"
              R"({"kind":"slow_head","rate":20,"hold":0.2,"interval":0.05},)"
              R"({"kind":"slow_body","rate":20,"hold":0.2,"interval":0.05},)"
              R"({"kind":"handshakes","rate":20,"hold":0.2},)"
              R"({"kind":"people","rate":20,"think":0.01},)"
              R"({"kind":"stuffing","rate":20},{"kind":"sign_ups","rate":20},)"
              R"({"kind":"slow_read","rate":5,"output_tokens":3,"interval":0.05},)"
              R"({"kind":"long","rate":5,"prompt_tokens":50000,"output_tokens":5},)"
              R"({"kind":"one_account_many","connections":5,"output_tokens":5})");
  EXPECT_GT(CountEnds(record, 0, Act::kChat, End::kLeft), 5U);
  for (const std::uint32_t group : {1U, 2U, 3U}) {
    EXPECT_GT(CountEnds(record, group, Act::kHold, End::kLeft), 5U) << group;
  }
  // The engine has no page, so people see an error there and go.
  EXPECT_GT(CountEnds(record, 4, Act::kPage, End::kRefused), 1U);
  EXPECT_EQ(CountEnds(record, 4, Act::kChat, End::kDone), 0U);
  EXPECT_GT(CountEnds(record, 5, Act::kLogIn, End::kRefused), 5U);
  EXPECT_GT(CountEnds(record, 6, Act::kPage, End::kRefused), 5U);
  EXPECT_GT(CountEnds(record, 7, Act::kChat, End::kDone), 0U);
  EXPECT_GT(CountEnds(record, 8, Act::kChat, End::kDone), 0U);
  EXPECT_GT(CountEnds(record, 9, Act::kChat, End::kDone), 5U);
}

TEST_F(RunTest, AttackersOfAnUnattackedRunMeetASinkAndNobodyElseDoes) {
  StartEngine(kFast);
  const Record record = RunPlan(R"({"kind":"programs","rate":20},{"kind":"flood","rate":50},)"
                                R"({"kind":"stop","process":"parent","start":0,"end":1})",
                                true, {{"parent", ::getppid()}});
  EXPECT_GT(CountEnds(record, 0, Act::kChat, End::kDone), 10U);
  EXPECT_GT(CountEnds(record, 1, Act::kChat, End::kRefused), 20U);
  EXPECT_EQ(CountEnds(record, 1, Act::kChat, End::kDone), 0U);
  EXPECT_EQ(ScoreOf(record).hostile().refused_by_reason.at("sink"),
            ScoreOf(record).hostile().refusal.count);
}

TEST_F(RunTest, AProcessIsStoppedAndGoesOnAndIsKilled) {
  StartEngine(kFast);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    while (true) ::pause();
  }
  RunPlan(R"({"kind":"stop","process":"it","start":0.2,"end":0.6},)"
          R"({"kind":"kill","process":"it","start":1.5})",
          false, {{"it", child}});
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, WUNTRACED | WCONTINUED), child);
  // What it was last: the wait tells of the end once it is there.
  while (!WIFSIGNALED(status)) ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

// Processor time of a process, in clock ticks.
long TicksOf(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string field;
  for (int i = 0; i < 14; ++i) file >> field;  // Its name has no space.
  return std::stol(field);
}

TEST_F(RunTest, AProcessIsSlowedToItsShareAndGoesOn) {
  StartEngine(kFast);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    volatile bool goes_on = true;
    while (goes_on) continue;
  }
  // Of the same core and time, one that runs a tenth of it beside one that always may.
  const pid_t other = ::fork();
  ASSERT_GE(other, 0);
  if (other == 0) {
    volatile bool goes_on = true;
    while (goes_on) continue;
  }
  RunPlan(R"({"kind":"slow","process":"it","run_share":0.1,"start":0.1,"end":1.9})", false,
          {{"it", child}});
  const long slowed = TicksOf(child);
  const long free = TicksOf(other);
  EXPECT_LT(slowed, free / 2);
  EXPECT_GT(slowed, 0);
  for (const pid_t pid : {child, other}) {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, WNOHANG | WUNTRACED), 0) << "it runs";
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  }
}

TEST(Faults, OnlyASmallFileSystemIsFilled) {
  const Result<void> root = CheckMayFill("/");
  ASSERT_FALSE(root);
  EXPECT_EQ(root.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(CheckMayFill("/no such folder").error().code, ErrorCode::kNotFound);
}

TEST_F(RunTest, ItsLimitsHold) {
  StartEngine({.tokens_per_s = 100, .slots = 1});
  const std::string target = "http://" + engine_->endpoint().ToString();
  Plan plan = *ParsePlan(R"({"seconds":2,"drain":0,"requests_max":30,"connections_max":3,)"
                         R"("groups":[{"kind":"flood","rate":200,"output_tokens":100}]})",
                         {.target = target});
  ASSERT_TRUE(rehearsal::Run(plan, {.folder = folder_ / "limits"}));
  const Record record = *ReadRecord(folder_ / "limits");
  EXPECT_EQ(record.attempts.size(), 30U);
  EXPECT_GT(CountEnds(record, 0, Act::kChat, End::kUnsent), 10U);
}

TEST(ScriptedEngine, ListensOnTheLoopbackOnly) {
  EngineOptions options;
  options.listen.host = "0.0.0.0";
  const auto engine = ScriptedEngine::Open(options);
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, ErrorCode::kPermissionDenied);
}

}  // namespace
}  // namespace holdfast::rehearsal
