#include "guard/overload/concurrency_limit.h"

#include <deque>
#include <map>
#include <numeric>

#include <gtest/gtest.h>

#include "guard/overload/stub_engine.h"

namespace holdfast::guard {
namespace {

// Always more to do: whatever the limit lets through is sent.
class Saturated {
 public:
  Saturated(const StubEngine::Profile& profile, const ConcurrencyLimit::Options& options)
      : engine_(profile), limit_(options) {}

  void Run(double seconds) {
    const double end = seconds_ + seconds;
    while (seconds_ < end) {
      while (limit_.CanStart()) {
        const std::uint64_t id = next_++;
        marks_[id] = {limit_.OnStart(400, Now()), 0};
        engine_.Submit(id, 400, 100 + static_cast<std::uint32_t>(id * 37 % 200));
      }
      Report();
      events_.clear();
      seconds_ += engine_.Step(events_);
      for (const StubEngine::Event& event : events_) {
        auto& [mark, first] = marks_[event.id];
        if (event.is_first) {
          first = seconds_;
          limit_.OnFirstToken(mark, 400, Now());
        }
        if (!event.is_last) continue;
        const auto output = 100 + event.id * 37 % 200;
        const double interval = (seconds_ - first) / static_cast<double>(output - 1);
        limit_.OnFinish(mark, true, FromSeconds(interval), Now());
        marks_.erase(event.id);
      }
    }
  }

  Time Now() const { return AtSeconds(seconds_); }

  StubEngine engine_;
  ConcurrencyLimit limit_;
  EngineReport report_;
  bool has_reports_ = false;

 private:
  void Report() {
    if (!has_reports_ || seconds_ < reported_ + 0.25) return;
    report_.running = engine_.running();
    report_.tokens_per_s = static_cast<double>(engine_.tokens() - tokens_) / (seconds_ - reported_);
    tokens_ = engine_.tokens();
    reported_ = seconds_;
    limit_.OnEngineReport(report_, Now());
  }

  double seconds_ = 0;
  double reported_ = 0;
  std::uint64_t tokens_ = 0;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, std::pair<ConcurrencyLimit::Mark, double>> marks_;
  std::vector<StubEngine::Event> events_;
};

TEST(ConcurrencyLimit, FillsTheSlotsOfAnEngineItDoesNotKnowAndLittleMore) {
  Saturated run({.sequences_max = 100}, {.initial = 8});
  run.Run(20);
  EXPECT_GE(run.limit_.in_flight(), 98u);
  EXPECT_LE(run.limit_.in_flight(), 140u);
  EXPECT_LT(run.limit_.engine_delay(), 2);
}

TEST(ConcurrencyLimit, FindsLostSlotsAndFindsThemAgainWithinSeconds) {
  Saturated run({.sequences_max = 100}, {.initial = 8});
  run.Run(20);
  run.engine_.SetSequencesMax(25);
  run.Run(10);
  EXPECT_LE(run.limit_.in_flight(), 50u);
  run.engine_.SetSequencesMax(100);
  run.Run(10);
  EXPECT_GE(run.limit_.in_flight(), 95u);
}

TEST(ConcurrencyLimit, TakesSlotsAndWorkersFromReports) {
  Saturated run({.sequences_max = 64}, {.initial = 32});
  run.has_reports_ = true;
  run.report_.sequences_max = 64;
  run.report_.workers_total = 4;
  run.report_.workers_up = 4;
  run.Run(20);
  EXPECT_EQ(run.limit_.in_flight(), 64u);
  run.report_.workers_up = 1;
  run.report_.sequences_max = 16;
  run.engine_.SetSequencesMax(16);
  run.Run(10);
  EXPECT_LE(run.limit_.in_flight(), 17u);
  run.report_.workers_up = 4;
  run.report_.sequences_max = 64;
  run.engine_.SetSequencesMax(64);
  run.Run(5);
  EXPECT_GE(run.limit_.in_flight(), 60u);
}

TEST(ConcurrencyLimit, StartsNothingWhileNoWorkerIsUp) {
  ConcurrencyLimit limit({});
  EXPECT_TRUE(limit.CanStart());
  limit.OnEngineReport({.workers_up = 0}, AtSeconds(1));
  EXPECT_FALSE(limit.CanStart());
  limit.OnEngineReport({.workers_up = 1}, AtSeconds(2));
  EXPECT_TRUE(limit.CanStart());
}

TEST(ConcurrencyLimit, AReserveIsOneStandardDeviationAndAQuarterAtMost) {
  const std::pair<std::uint32_t, std::uint32_t> places_and_reserves[] = {
      {1, 0}, {3, 0}, {4, 1}, {16, 4}, {100, 10}};
  for (const auto& [places, reserve] : places_and_reserves) {
    ConcurrencyLimit limit({.initial = places, .is_adaptive = false});
    std::uint32_t others = 0;
    for (; limit.CanStart() && limit.LeavesReserve(1); ++others) limit.OnStart(10, AtSeconds(1));
    EXPECT_EQ(others, places - reserve);
    EXPECT_EQ(limit.CanStart(), reserve > 0);
    EXPECT_TRUE(limit.LeavesReserve(0)) << "nothing is kept for nobody";
  }
}

// An engine without end of slots, in which more sequences make every token later.
TEST(ConcurrencyLimit, KeepsTheIntervalBetweenTokensWithinThePromise) {
  for (const bool has_reports : {true, false}) {
    ServiceLevel level;
    level.token_interval_max = std::chrono::milliseconds(50);
    Saturated run({.base_s = 0.01, .per_sequence_s = 0.0005, .sequences_max = 10'000},
                  {.level = level, .initial = 8});
    run.has_reports_ = has_reports;
    run.Run(120);
    EXPECT_LT(run.limit_.token_interval(), 0.05) << has_reports;
    EXPECT_GT(run.limit_.token_interval(), 0.02) << has_reports;
    EXPECT_GT(run.limit_.in_flight(), 20u) << has_reports;
    run.engine_.SetSpeed(0.5);
    run.Run(60);
    EXPECT_LT(run.limit_.token_interval(), 0.055) << has_reports;
  }
}

// Tokens come late whatever the batch: fewer answers at once would help nobody.
TEST(ConcurrencyLimit, DoesNotStarveAnEngineThatIsSlowWhateverTheBatch) {
  ServiceLevel level;
  level.token_interval_max = std::chrono::milliseconds(50);
  Saturated run({.base_s = 0.2, .per_sequence_s = 1e-5, .sequences_max = 64},
                {.level = level, .initial = 32});
  run.has_reports_ = true;
  run.Run(300);
  EXPECT_GE(run.limit_.limit(), 15);
}

TEST(ConcurrencyLimit, DoesNotGrowUnused) {
  ConcurrencyLimit limit({.initial = 16});
  double seconds = 0;
  for (int i = 0; i < 1000; ++i) {
    const ConcurrencyLimit::Mark mark = limit.OnStart(100, AtSeconds(seconds));
    seconds += 0.1;
    limit.OnFirstToken(mark, 100, AtSeconds(seconds));
    limit.OnFinish(mark, true, std::chrono::milliseconds(20), AtSeconds(seconds));
  }
  EXPECT_EQ(limit.limit(), 16);
}

// A prompt as long as twenty fills the window as twenty do.
TEST(ConcurrencyLimit, CountsPromptsByTheirLength) {
  ConcurrencyLimit limit({.initial = 64});
  double seconds = 0;
  for (int i = 0; i < 400; ++i) {
    const ConcurrencyLimit::Mark mark = limit.OnStart(500, AtSeconds(seconds));
    seconds += 0.02;
    limit.OnFirstToken(mark, 500, AtSeconds(seconds));
    limit.OnFinish(mark, true, std::chrono::milliseconds(20), AtSeconds(seconds));
  }
  ASSERT_TRUE(limit.CanStart());
  const ConcurrencyLimit::Mark mark = limit.OnStart(10'000, AtSeconds(seconds));
  EXPECT_FALSE(limit.CanStart());
  EXPECT_FALSE(limit.CanFloat());
  EXPECT_LT(limit.room(), -0.5);
  limit.OnFirstToken(mark, 10'000, AtSeconds(seconds + 0.4));
  EXPECT_TRUE(limit.CanStart());
  EXPECT_TRUE(limit.IsShort());
}

TEST(ConcurrencyLimit, StaysPutWhenToldTo) {
  Saturated run({.sequences_max = 100}, {.initial = 40, .is_adaptive = false});
  run.Run(20);
  EXPECT_EQ(run.limit_.in_flight(), 40u);
}

// An engine of sixteen places that was idle: its tokens are told as a mean over five seconds.
TEST(ConcurrencyLimit, AnEngineThatWasIdleIsNotTakenForASlowOne) {
  ConcurrencyLimit limit({.initial = 32, .max = 64});
  constexpr double kSpan = 5;
  constexpr double kTokensEach = 40;  // A second, and so 25 ms between tokens.
  std::deque<double> made;
  for (int report = 1; report <= 60; ++report) {
    const Time now = AtSeconds(100 + 0.25 * report);
    if (report > 20 && limit.in_flight() < 12) {
      const ConcurrencyLimit::Mark mark = limit.OnStart(10, now);
      limit.OnFirstToken(mark, 10, now);
    }
    made.push_back(0.25 * kTokensEach * limit.in_flight());
    if (made.size() > 20) made.pop_front();
    const double tokens = std::accumulate(made.begin(), made.end(), 0.0);
    limit.OnEngineReport(
        {.running = limit.in_flight(), .tokens_per_s = tokens / kSpan, .tokens_span_s = kSpan},
        now);
    ASSERT_GE(limit.limit(), 32) << report;
  }
  EXPECT_LT(limit.token_interval(), 0.05);
}

}  // namespace
}  // namespace holdfast::guard
