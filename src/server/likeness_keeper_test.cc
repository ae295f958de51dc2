#include "server/likeness_keeper.h"

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "crypto/test_folder.h"
#include "net/io_threads.h"

namespace holdfast::server {
namespace {

using guard::LikenessTrial;

LikenessTrial::Record Measured() {
  LikenessTrial trial;
  constexpr std::int64_t kStartMs = 1'800'000'000'000;
  trial.Add({.asked = 9'000, .accused = 1, .accused_by = {1, 0, 0}}, kStartMs);
  trial.Add({.asked = 2'000, .accused = 0, .accused_by = {}},
            kStartMs + 7 * 24 * guard::TrialRules::kHourMs);
  trial.Decide(kStartMs + 7 * 24 * guard::TrialRules::kHourMs);
  return trial.record();
}

TEST(LikenessFile, IsReadAsItWasWritten) {
  LikenessTrial::Record record = Measured();
  record.fell_back_ms = 17;
  const auto read = ReadLikeness(WriteLikeness(record));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(read->is_enforced);
  EXPECT_EQ(read->fell_back_ms, 17);
  EXPECT_FALSE(read->rehearsed_ms);
  EXPECT_EQ(WriteLikeness(*read), WriteLikeness(record));
}

TEST(LikenessFile, CountsForNothingWhenItIsDamagedOrOfAnother) {
  const std::string text = WriteLikeness(Measured());
  const struct {
    std::string from, to;
    ErrorCode code;
  } kCases[] = {
      {"\"version\":1", "\"version\":2", ErrorCode::kFailedPrecondition},
      {"\"scorer\":\"", "\"scorer\":\"0", ErrorCode::kFailedPrecondition},
      {"holdfast-likeness", "holdfast-other", ErrorCode::kCorrupt},
      {"[[1800000000000,1800000000000", "[[1800000000000,1700000000000", ErrorCode::kCorrupt},
      {"9000,1,1,0,0", "9000,1,2,0,0", ErrorCode::kCorrupt},
      {"9000,1,1,0,0", "0,1,1,0,0", ErrorCode::kCorrupt},
      {"9000,1,1,0,0", "9000,1,1,0", ErrorCode::kCorrupt},
      {"9000,1,1,0,0", "-9000,1,1,0,0", ErrorCode::kCorrupt},
      {"}", "", ErrorCode::kInvalidArgument},
  };
  for (const auto& test : kCases) {
    std::string changed = text;
    const std::size_t at = changed.find(test.from);
    ASSERT_NE(at, std::string::npos) << test.from;
    changed.replace(at, test.from.size(), test.to);
    const auto read = ReadLikeness(changed);
    ASSERT_FALSE(read) << test.to;
    EXPECT_EQ(read.error().code, test.code) << test.to;
  }
}

// A live door whose callers ask for answers, and a folder.
class LikenessKeeperTest : public ::testing::Test {
 protected:
  ~LikenessKeeperTest() override { threads_.Stop(); }

  static guard::DoorOptions Options() {
    guard::DoorOptions options;
    options.enforces_likeness = false;
    options.warm_after = options.quiet_after = guard::Duration(0);
    return options;
  }

  std::unique_ptr<LikenessKeeper> Open(LikenessMode mode = LikenessMode::kMeasured) {
    return std::make_unique<LikenessKeeper>(
        door_,
        [this](const audit::Event& event) -> accounts::Outcome<void> {
          written_.push_back(event.kind);
          return {};
        },
        mode, folder_.path() / "likeness.trial", registry_);
  }

  // Each of a person with history, who asks now and then.
  void AskOften(int count) {
    for (int i = 0; i < count; ++i) {
      guard::RequestFacts facts;
      facts.caller.account = 1 + static_cast<std::uint64_t>(i);
      facts.caller.address = facts.caller.account;
      facts.standing = guard::Standing::kHistory;
      const auto ticket = door_.Ask(facts, threads_.executor(0));
      EXPECT_TRUE(ticket);
    }
  }

  crypto::TestFolder folder_;
  metrics::Registry registry_;
  net::IoThreads threads_{1};
  LiveDoor door_{guard::Door(Options()), [] { return guard::EngineReport{.workers_up = 1}; },
                 registry_};
  std::vector<audit::EventKind> written_;
};

TEST_F(LikenessKeeperTest, CountsInShadowAndEnforcesAfterARehearsal) {
  const auto keeper = Open();
  AskOften(300);
  json::Object report = keeper->Report();
  EXPECT_EQ(report["asked"].as_uint64(), 300u);
  EXPECT_EQ(report["accused"].as_uint64(), 0u);
  EXPECT_FALSE(report["is_enforced"].as_bool());
  EXPECT_EQ(report["rules"].as_array().size(), 3u);
  ASSERT_TRUE(keeper->MarkRehearsed("console"));
  EXPECT_EQ(written_, std::vector{audit::EventKind::kLikenessRehearsed});
  EXPECT_FALSE(door_.counters().enforces_likeness) << "300 are too few all the same";
  AskOften(9'700);
  report = keeper->Report();
  EXPECT_TRUE(report["is_enforced"].as_bool()) << report["why"].as_string();
  EXPECT_TRUE(door_.counters().enforces_likeness);
  const std::string metrics = registry_.ExposeText();
  EXPECT_NE(metrics.find("\nholdfast_likeness_trial_requests 10000\n"), std::string::npos);
  EXPECT_NE(metrics.find("\nholdfast_likeness_enforced 1\n"), std::string::npos);
}

TEST_F(LikenessKeeperTest, KeepsWhatItCountedOverARestart) {
  AskOften(1);  // Before anybody kept it.
  {
    const auto keeper = Open();
    AskOften(40);
    keeper->Save();
  }
  const auto keeper = Open();
  AskOften(2);
  EXPECT_EQ(keeper->Report()["asked"].as_uint64(), 42u);
}

TEST_F(LikenessKeeperTest, ADamagedFileIsMeasuredAnewInShadow) {
  std::ofstream(folder_.path() / "likeness.trial") << "{}";
  const auto keeper = Open();
  EXPECT_EQ(keeper->Report()["asked"].as_uint64(), 0u);
  EXPECT_FALSE(door_.counters().enforces_likeness);
  keeper->Look(0);
}

TEST_F(LikenessKeeperTest, InShadowModeItIsMeasuredAndNeverEnforced) {
  const auto keeper = Open(LikenessMode::kShadow);
  ASSERT_TRUE(keeper->MarkRehearsed("console"));
  AskOften(10'000);
  const json::Object report = keeper->Report();
  EXPECT_EQ(report.at("state").as_string(), "measured");
  EXPECT_FALSE(report.at("is_enforced").as_bool());
  EXPECT_FALSE(door_.counters().enforces_likeness);
}

}  // namespace
}  // namespace holdfast::server
