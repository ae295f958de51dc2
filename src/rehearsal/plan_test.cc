#include "rehearsal/plan.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "rehearsal/arrivals.h"
#include "rehearsal/ask.h"
#include "rehearsal/callers.h"
#include "rehearsal/prompts.h"

namespace holdfast::rehearsal {
namespace {

using ::testing::HasSubstr;

TEST(Plan, ReadsWhatAFileSaysAndKnowsTheRest) {
  const Result<Plan> plan = ParsePlan(R"({
    "name": "a", "seconds": 60, "seed": 7, "slo": {"first_token_ms": 500},
    "phases": [{"name": "calm", "start": 0, "end": 20}],
    "groups": [{"kind": "people", "rate": 2.5},
               {"kind": "flood", "rate": 50, "start": 20, "end": 40, "keyed_share": 0.5},
               {"kind": "mimic", "rate": 1, "label": "honest", "name": "twin"}]})");
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->target.ToString(), "127.0.0.1:8080");
  EXPECT_EQ(plan->slo.first_token_ms, 500);
  ASSERT_EQ(plan->groups.size(), 3U);
  EXPECT_EQ(plan->groups[0].label, Label::kHonest);
  EXPECT_EQ(plan->groups[0].end_s, 60);
  EXPECT_EQ(plan->groups[1].label, Label::kHostile);
  EXPECT_EQ(plan->groups[1].addresses, 10'000);
  EXPECT_EQ(plan->groups[2].name, "twin");
  EXPECT_EQ(plan->groups[2].label, Label::kHonest);
  EXPECT_NE(plan->groups[0].network, plan->groups[1].network);
  EXPECT_EQ(plan->phases[0].name, "calm");
}

TEST(Plan, RefusesWhatItDoesNotKnowOrWhatIsTooMuchAndNamesIt) {
  struct Case {
    std::string text;
    std::string word;
  };
  const std::string people = R"({"kind":"people","rate":1)";
  const auto plan = [](const std::string& groups) {
    return R"({"seconds":10,"groups":[)" + groups + "]}";
  };
  std::string many = people + "}";
  for (std::size_t i = 0; i < kGroupsMax; ++i) many += "," + people + "}";
  const Case cases[] = {
      {"[]", "object"},
      {R"({"seconds":10,"grups":[],"groups":[]})", "'grups'"},
      {R"({"seconds":10})", "'groups'"},
      {R"({"seconds":3601,"groups":[]})", "'seconds'"},
      {R"({"groups":[]})", "seconds"},
      {R"({"seconds":10,"seconds":20,"groups":[]})", "two members"},
      {R"({"seconds":10,"requests_max":10000001,"groups":[]})", "'requests_max'"},
      {R"({"seconds":10,"connections_max":50001,"groups":[]})", "'connections_max'"},
      {plan(many), "'groups'"},
      {plan(people + R"(,"speed":3})"), "groups[0]: there is no field 'speed'"},
      {plan(people + R"(,"addresses":20001})"), "'addresses'"},
      {plan(R"({"kind":"people","rate":-1})"), "'rate'"},
      {plan(people + R"(,"label":"good"})"), "no label 'good'"},
      {plan(people + R"(,"start":5,"end":5})"), "'end'"},
      {plan(people + R"(,"end":11})"), "'end'"},
      {plan(R"({"kind":"people"})"), "'rate'"},
      {plan(R"({"kind":"crowd","rate":1})"), "no kind 'crowd'"},
      {plan(R"({"kind":"steady"})"), "'clients'"},
      {plan(R"({"kind":"stop","process":"engine"})"), "'process'"},
      {plan(R"({"kind":"slow","process":"engine"})"), "'process'"},
      {plan(R"({"kind":"slow","process":"engine","run_share":0})"), "'run_share'"},
      {plan(R"({"kind":"fill_disk"})"), "'folder'"},
      {R"({"seconds":10,"slo":{"ttft":1},"groups":[]})", "'ttft'"},
      {R"({"seconds":10,"phases":[{"name":"a","end":0}],"groups":[]})", "phases[0]"},
  };
  for (const Case& one : cases) {
    const Result<Plan> parsed = ParsePlan(one.text);
    ASSERT_FALSE(parsed) << one.text;
    EXPECT_THAT(parsed.error().message, HasSubstr(one.word)) << one.text;
  }
}

TEST(Plan, IsAimedAtThisMachineOnly) {
  EXPECT_TRUE(ParseTarget("http://127.0.0.1:8080"));
  EXPECT_TRUE(ParseTarget("http://127.1.2.3:8080"));
  EXPECT_EQ(ParseTarget("http://localhost:8080")->host, "127.0.0.1");
  for (const char* const target :
       {"http://192.0.2.1:80", "http://10.0.0.1:8080", "http://0.0.0.0:80", "http://[::1]:80",
        "http://example.org", "http://127.0.0.1.example.org", "http://128.0.0.1:80"}) {
    const Result<net::Endpoint> refused = ParseTarget(target);
    ASSERT_FALSE(refused) << target;
    EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied) << target;
  }
  EXPECT_FALSE(ParseTarget("https://127.0.0.1:8080"));
  EXPECT_FALSE(ParseTarget("http://127.0.0.1:8080/v1"));
  EXPECT_FALSE(ParsePlan(R"({"seconds":10,"target":"http://192.0.2.1:80","groups":[]})"));
  EXPECT_FALSE(ParsePlan(R"({"seconds":10,"groups":[]})", {.target = "http://192.0.2.1:80"}));
}

TEST(Plan, TouchesNoProcessButItsUsers) {
  for (const int pid : {1, static_cast<int>(::getpid())}) {
    const Result<Plan> plan =
        ParsePlan(fmt::format(R"({{"seconds":10,"processes":{{"engine":{}}},"groups":[]}})", pid));
    ASSERT_FALSE(plan) << pid;
    EXPECT_EQ(plan.error().code, ErrorCode::kPermissionDenied);
  }
  const std::string watch = R"({"seconds":10,"processes":{"engine":0},"groups":[)";
  const std::string stop = R"({"kind":"stop","process":"engine","end":1})";
  EXPECT_TRUE(ParsePlan(watch + "]}")) << "it is not watched";
  const Result<Plan> unnamed = ParsePlan(watch + stop + "]}");
  ASSERT_FALSE(unnamed);
  EXPECT_THAT(unnamed.error().message, HasSubstr("--process engine=PID"));
  EXPECT_TRUE(ParsePlan(watch + stop + "]}", {.processes = {{"engine", ::getppid()}}}));
}

TEST(Plan, TakesRatesTimesWhatTheCommandLineSays) {
  const Result<Plan> plan =
      ParsePlan(R"({"seconds":10,"groups":[{"kind":"people","rate":2}]})", {.rate_times = 2.5});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->groups[0].rate, 5);
}

TEST(Plan, EveryPlanThatComesWithTheSourceCanBeRead) {
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(HOLDFAST_SOURCE_DIR "/bench/siege")) {
    if (entry.path().extension() != ".json") continue;
    ++count;
    const Result<Plan> plan = ReadPlan(entry.path(), {.processes = {{"engine", ::getppid()}}});
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->name, entry.path().stem());
    EXPECT_TRUE(ParseOldPlan(plan->text));
  }
  EXPECT_GE(count, 10);
}

Group PoissonGroup(double rate, double end_s) {
  Group group;
  group.start_s = 1;
  group.end_s = end_s;
  group.rate = rate;
  return group;
}

TEST(Arrivals, ComeAtTheirRateWithinTheirTimesAndAlikeForOneSeed) {
  const auto count = [](std::uint64_t seed, double rise_s) {
    Group group = PoissonGroup(100, 101);
    group.rise_s = rise_s;
    Arrivals arrivals = *Arrivals::Of(group, 1, seed);
    std::vector<Micros> times;
    while (const std::optional<Arrival> arrival = arrivals.Next()) times.push_back(arrival->at);
    return times;
  };
  const std::vector<Micros> times = count(1, 0);
  EXPECT_EQ(times, count(1, 0));
  EXPECT_NE(times, count(2, 0));
  // Five standard deviations.
  EXPECT_NEAR(static_cast<double>(times.size()), 10'000, 500);
  EXPECT_GE(times.front(), 1'000'000);
  EXPECT_LT(times.back(), 101'000'000);
  EXPECT_TRUE(std::ranges::is_sorted(times));
  EXPECT_NEAR(static_cast<double>(count(1, 100).size()), 5'000, 400);
}

TEST(Arrivals, OfATraceComeAtTheGroupsRateWithItsLengths) {
  Group group = PoissonGroup(5, 61);
  group.trace = HOLDFAST_SOURCE_DIR "/tests/data/traces/azure_conversation_2023_excerpt.csv";
  Result<Arrivals> arrivals = Arrivals::Of(group, 1, 1);
  ASSERT_TRUE(arrivals) << arrivals.error().message;
  int count = 0;
  while (const std::optional<Arrival> arrival = arrivals->Next()) {
    ++count;
    ASSERT_TRUE(arrival->size);
    EXPECT_LT(arrival->at, 61'000'000);
  }
  EXPECT_NEAR(count, 300, 30);
  group.trace = "/nowhere.csv";
  EXPECT_FALSE(Arrivals::Of(group, 1, 1));
}

TEST(Prompts, AreAsLongAsAskedAndEndInTheLengthOfTheAnswer) {
  const Prompts prompts(1);
  drill::RandomStream random(1);
  Group group;
  group.max_tokens = 9;
  const std::string body = prompts.ChatBody(group, "m", {100'000, 77}, random);
  EXPECT_NEAR(static_cast<double>(body.size()), 400'000, 200);
  EXPECT_THAT(body, HasSubstr("\"max_tokens\":9"));
  EXPECT_THAT(body, HasSubstr("Answer in 77 tokens."));
  EXPECT_NE(prompts.ChatBody(group, "m", {50, 1}, random),
            prompts.ChatBody(group, "m", {50, 1}, random));
  group.is_alike = true;
  EXPECT_EQ(prompts.ChatBody(group, "m", {50, 1}, random),
            prompts.ChatBody(group, "m", {50, 1}, random));
}

TEST(Prompts, TellTheirLengthToWhoLooks) {
  EXPECT_EQ(FindLength("x" + LengthLine(32)), 32U);
  for (const char* const text : {"", "Answer in 3 tokens. No.", "Answer in  tokens.",
                                 "Answer in many tokens.", " tokens.", "Answer in -1 tokens."}) {
    EXPECT_FALSE(FindLength(text)) << text;
  }
}

TEST(Ask, ReadsAWordOfWaiting) {
  EXPECT_EQ(ParseWaitNotice(": waiting place=3 wait_ms=4200\n\n"), 4200);
  for (const char* const text : {": keep-alive\n\n", ": waiting place=3\n\n",
                                 ": waiting place=3 wait_ms=x\n\n", "data: 1\n\n"}) {
    EXPECT_FALSE(ParseWaitNotice(text)) << text;
  }
}

TEST(RetryAfter, IsThatOfAStockClient) {
  struct Case {
    const char* name;
    int status;
    End end;
    std::optional<bool> should;
    std::optional<double> told_s;
    int retry;
    std::optional<double> wait_s;
  };
  const Case cases[] = {
      {"backs off", 429, End::kRefused, {}, {}, 0, 0.5},
      {"doubles", 503, End::kRefused, {}, {}, 1, 1.0},
      {"twice only", 503, End::kRefused, {}, {}, 2, {}},
      {"heeds", 429, End::kRefused, {}, 3.0, 0, 3.0},
      {"not for long", 429, End::kRefused, {}, 61.0, 0, 0.5},
      {"told not to", 429, End::kRefused, false, 3.0, 0, {}},
      {"told to", 400, End::kRefused, true, {}, 0, 0.5},
      {"its own fault", 400, End::kRefused, {}, {}, 0, {}},
      {"no answer", 0, End::kFailed, {}, {}, 0, 0.5},
      {"broken off", 200, End::kBroken, {}, {}, 0, {}},
      {"left", 0, End::kLeft, {}, {}, 0, {}},
  };
  for (const Case& one : cases) {
    Reply reply;
    reply.attempt.status = one.status;
    reply.attempt.end = one.end;
    reply.should_retry = one.should;
    reply.retry_after_s = one.told_s;
    EXPECT_EQ(RetryAfter(kSdkRule, reply, one.retry, 0), one.wait_s) << one.name;
  }
  Reply refused;
  refused.attempt.status = 429;
  refused.attempt.end = End::kRefused;
  refused.should_retry = false;
  EXPECT_EQ(RetryAfter(kNaiveRule, refused, 2, 0), 0.0);
  EXPECT_EQ(RetryAfter(kNaiveRule, refused, 3, 0), std::nullopt);
}

}  // namespace
}  // namespace holdfast::rehearsal
