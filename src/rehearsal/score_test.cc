#include "rehearsal/score.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/json.h"
#include "rehearsal/score_report.h"

namespace holdfast::rehearsal {
namespace {

using ::testing::HasSubstr;

constexpr Micros kMs = 1'000;
constexpr Micros kS = 1'000'000;

Record RecordOf(const std::string& groups, const std::string& more = "") {
  Record record;
  record.plan = *ParsePlan(R"({"name":"t","seconds":30,"slo":{"first_token_ms":1000,)"
                           R"("token_interval_ms":100})" +
                           more + R"(,"groups":[)" + groups + "]}");
  return record;
}

// A full answer of 11 tokens.
Attempt Answered(std::uint64_t wish, Micros due, Micros first_ms, Micros interval_ms = 50) {
  Attempt attempt;
  attempt.wish = wish;
  attempt.due = attempt.begun = due;
  attempt.end = End::kDone;
  attempt.status = 200;
  attempt.tokens = 11;
  attempt.first_token = due + first_ms * kMs;
  attempt.last_token = attempt.first_token + 10 * interval_ms * kMs;
  attempt.ended = attempt.last_token;
  return attempt;
}

Attempt Refused(std::uint64_t wish, Micros due, int status, std::string reason, Micros took_ms) {
  Attempt attempt;
  attempt.wish = wish;
  attempt.due = attempt.begun = due;
  attempt.ended = due + took_ms * kMs;
  attempt.end = End::kRefused;
  attempt.status = status;
  attempt.reason = std::move(reason);
  return attempt;
}

constexpr const char* kPeople = R"({"kind":"people","rate":1})";

TEST(Score, CountsAnswersWithinTheServiceLevelAsGood) {
  Record record = RecordOf(kPeople);
  record.attempts = {Answered(1, 0, 1000), Answered(2, 0, 1001), Answered(3, 0, 10, 100),
                     Answered(4, 0, 10, 101)};
  Attempt broken = Answered(5, 0, 10);
  broken.end = End::kBroken;
  Attempt empty = Answered(6, 0, 10);
  empty.tokens = 0;
  record.attempts.push_back(broken);
  record.attempts.push_back(empty);
  const Score score = ScoreOf(record);
  EXPECT_EQ(score.honest().wishes, 6U);
  EXPECT_EQ(score.honest().good_answers, 2U);
  EXPECT_EQ(score.honest().good_wishes, 2U);
}

TEST(Score, CountsAWishFromItsFirstAttempt) {
  Record record = RecordOf(kPeople);
  // The retry's answer is quick, but the wish is two seconds old.
  Attempt retry = Answered(1, 2 * kS, 100);
  retry.retry = 1;
  retry.due = 0;
  Attempt soon = Answered(2, 300 * kMs, 100);
  soon.due = 0;
  record.attempts = {Refused(1, 0, 429, "shed", 5), retry, Refused(2, 0, 429, "shed", 15), soon};
  const Score score = ScoreOf(record);
  EXPECT_EQ(score.honest().wishes, 2U);
  EXPECT_EQ(score.honest().good_answers, 2U);
  EXPECT_EQ(score.honest().good_wishes, 1U);
  EXPECT_EQ(score.honest().refused_by_status.at(429), 2U);
  EXPECT_EQ(score.honest().refused_by_reason.at("shed"), 2U);
  EXPECT_EQ(score.honest().refusal.max_ms, 15);
  EXPECT_EQ(score.honest().blocked_wishes, 0U);
}

TEST(Score, KeepsHonestAndHostileApartAndKnowsWhoWasBlocked) {
  Record record = RecordOf(std::string(kPeople) + R"(,{"kind":"flood","rate":1})");
  Attempt flood = Answered(2, 0, 10);
  flood.group = 1;
  record.attempts = {Refused(1, 0, 429, "your_rate", 1), flood};
  const Score score = ScoreOf(record);
  EXPECT_EQ(score.honest().blocked_wishes, 1U);
  EXPECT_EQ(score.honest().good_answers, 0U);
  EXPECT_EQ(score.hostile().good_answers, 1U);
  EXPECT_EQ(score.groups[1].tally.tokens, 11U);
}

TEST(Score, TellsPhasesApart) {
  Record record = RecordOf(kPeople, R"(,"phases":[{"name":"a","start":0,"end":10},)"
                                    R"({"name":"b","start":10,"end":20}])");
  record.attempts = {Answered(1, 1 * kS, 10), Answered(2, 9'900 * kMs, 10),
                     Refused(3, 12 * kS, 503, "shed", 1)};
  const Score score = ScoreOf(record);
  ASSERT_EQ(score.phases.size(), 2U);
  EXPECT_DOUBLE_EQ(score.phases[0].wishes_per_s, 0.2);
  // The second answer ends in the next phase.
  EXPECT_DOUBLE_EQ(score.phases[0].good_answers_per_s, 0.1);
  EXPECT_DOUBLE_EQ(score.phases[1].good_answers_per_s, 0.1);
  EXPECT_DOUBLE_EQ(score.phases[0].tally.good_share(), 1);
  EXPECT_DOUBLE_EQ(score.phases[1].tally.good_share(), 0);
}

TEST(Score, HoldsFirstEstimatesOfWaitsAgainstWhatCame) {
  Record record = RecordOf(kPeople);
  const auto waited = [](std::uint64_t wish, std::int64_t told_ms, Micros first_ms) {
    Attempt attempt = Answered(wish, 0, first_ms);
    attempt.wait_told_at = 0;
    attempt.wait_told_ms = told_ms;
    attempt.notices = 1;
    return attempt;
  };
  record.attempts = {waited(1, 5'000, 6'000), waited(2, 5'000, 6'001), waited(3, 5'000, 4'000),
                     waited(4, 100, 190)};
  Attempt left = waited(5, 5'000, 0);
  left.first_token = kNever;
  left.end = End::kLeft;
  record.attempts.push_back(left);
  const WaitScore waits = ScoreOf(record).waits;
  EXPECT_EQ(waits.told, 5U);
  EXPECT_EQ(waits.ended, 4U);
  EXPECT_EQ(waits.within_20_percent, 2U);
  EXPECT_EQ(waits.within_20_percent_or_100_ms, 3U);
}

TEST(Score, FindsWhenServiceWasAsBefore) {
  Record record =
      RecordOf(std::string(kPeople) + R"(,{"kind":"flood","rate":1,"start":10,"end":20})");
  std::uint64_t wish = 0;
  for (Micros at = 0; at < 30 * kS; at += 100 * kMs) {
    const bool is_bad = at >= 10 * kS && at < 22 * kS;
    record.attempts.push_back(is_bad ? Refused(++wish, at, 503, "shed", 1)
                                     : Answered(++wish, at, 10));
  }
  const Score score = ScoreOf(record);
  ASSERT_TRUE(score.recovery);
  EXPECT_EQ(score.recovery->load_end_s, 20);
  EXPECT_EQ(score.recovery->good_share_before, 1);
  EXPECT_EQ(score.recovery->good_share_during, 0);
  EXPECT_EQ(score.recovery->recovered_s, 2);
  EXPECT_FALSE(ScoreOf(RecordOf(kPeople)).recovery) << "no load ends";
}

TEST(Score, MeasuresFairnessOfThoseWhoAskWithoutEnd) {
  EXPECT_DOUBLE_EQ(JainIndex({1, 1, 1, 1}), 1);
  EXPECT_DOUBLE_EQ(JainIndex({4, 0, 0, 0}), 0.25);
  EXPECT_DOUBLE_EQ(JainIndex({}), 1);
  Record record = RecordOf(R"({"kind":"steady","clients":1},{"kind":"one_account_many"})");
  Attempt many = Answered(2, 0, 10);
  many.group = 1;
  record.attempts = {Answered(1, 0, 10), many, Answered(3, kS, 10)};
  // 22 tokens and 11.
  EXPECT_DOUBLE_EQ(ScoreOf(record).token_fairness.value_or(0),
                   33.0 * 33 / (2 * (22 * 22 + 11 * 11)));
}

TEST(Score, TakesQuantilesByNearestRank) {
  const Spread none = SpreadOf({});
  EXPECT_EQ(none.count, 0U);
  std::vector<double> values;
  for (int i = 100; i > 0; --i) values.push_back(i);
  const Spread spread = SpreadOf(values);
  EXPECT_EQ(spread.p50_ms, 50);
  EXPECT_EQ(spread.p99_ms, 99);
  EXPECT_EQ(spread.max_ms, 100);
}

class RecordTest : public ::testing::Test {
 protected:
  RecordTest() {
    std::string name = "/tmp/holdfast-rehearsal-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~RecordTest() override { std::filesystem::remove_all(folder_); }

  std::string Read(std::string_view name) const {
    std::ifstream file(folder_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::filesystem::path folder_;
};

TEST_F(RecordTest, KeepsTheTruthApartAndBringsBothTogetherAgain) {
  const std::string text =
      R"({"name":"t","seconds":30,"groups":[{"kind":"people","rate":2,"name":"them"},)"
      R"({"kind":"flood","rate":3},{"kind":"long","rate":1}]})";
  const Plan plan = *ParsePlan(text, {.rate_times = 2});
  const auto recorder = Recorder::Open(folder_ / "run", plan, true);
  ASSERT_TRUE(recorder) << recorder.error().message;
  for (std::size_t i = 0; i < 3; ++i) {
    Attempt attempt = Refused(i, 5, 429, "odd \"word\"", 1);
    attempt.group = (*recorder)->Opaque(i);
    attempt.wait_told_at = 77;
    (*recorder)->Add(attempt);
  }
  (*recorder)->Add(MemoryLook{"gateway", 9, 1024});
  ASSERT_TRUE((*recorder)->Seal());
  const std::string observed = Read("run/observed.jsonl");
  for (const char* const secret : {"them", "people", "flood", "hostile", "honest"}) {
    EXPECT_EQ(observed.find(secret), std::string::npos) << secret;
  }
  const Result<Record> record = ReadRecord(folder_ / "run");
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_TRUE(record->is_unattacked);
  EXPECT_EQ(record->plan.groups[0].rate, 4);
  ASSERT_EQ(record->attempts.size(), 3U);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(record->attempts[i].group, i);
  EXPECT_EQ(record->attempts[0].reason, "odd__word_");
  EXPECT_EQ(record->attempts[0].wait_told_at, 77);
  EXPECT_EQ(record->memory.at(0).kib, 1024U);
  EXPECT_FALSE(Recorder::Open(folder_ / "run", plan, true)) << "a record is not written over";
}

TEST_F(RecordTest, RefusesWhatWasChangedAfterwards) {
  const Plan plan = *ParsePlan(R"({"seconds":30,"groups":[{"kind":"people","rate":2}]})");
  const auto recorder = Recorder::Open(folder_ / "run", plan, false);
  ASSERT_TRUE(recorder);
  (*recorder)->Add(Answered(1, 0, 5));
  ASSERT_TRUE((*recorder)->Seal());
  ASSERT_TRUE(ReadRecord(folder_ / "run"));
  std::ofstream(folder_ / "run" / kObservedName, std::ios::app) << "{}\n";
  EXPECT_EQ(ReadRecord(folder_ / "run").error().code, ErrorCode::kCorrupt);
  EXPECT_FALSE(ReadRecord(folder_ / "none"));
}

TEST(ScoreReport, IsJsonThatCanBeReadAndAPage) {
  Record record =
      RecordOf(std::string(kPeople) + R"(,{"kind":"flood","rate":1,"start":10,"end":20})");
  record.attempts = {Answered(1, 0, 10)};
  record.memory = {{"gateway", 0, 10 << 10}, {"gateway", kS, 12 << 10}};
  Score score = ScoreOf(record);
  SetBeside(score, score);
  const Result<json::Value> value = json::Parse(ScoreToJson(score));
  ASSERT_TRUE(value);
  EXPECT_EQ(value->at("honest").at("good_wishes").as_int64(), 1);
  EXPECT_EQ(value->at("memory").at(0).at("growth_mib").as_double(), 2);
  EXPECT_EQ(value->at("beside_unattacked").at("good_answers_ratio").as_double(), 1);
  EXPECT_THAT(ScoreToHtml(score), HasSubstr("<svg"));
  EXPECT_THAT(ScoreToText(score), HasSubstr("good answers"));
}

}  // namespace
}  // namespace holdfast::rehearsal
