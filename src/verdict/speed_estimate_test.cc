#include "verdict/speed_estimate.h"

#include <gtest/gtest.h>

namespace holdfast::verdict {
namespace {

constexpr double kEvery = 0.25;  // Seconds between reports.

// Reports of workers that run at a share of their nominal speed.
class Reports {
 public:
  void Go(double seconds, double share, std::uint32_t running, std::uint32_t workers_up = 1) {
    const double each = workers_up > 0 ? static_cast<double>(running) / workers_up : 0;
    const double step_s = StepSeconds(engine_, each, each * 1200, 0);
    for (const double end = now_ + seconds; now_ < end; now_ += kEvery) {
      estimate_.OnReport({.running = running,
                          .workers_up = workers_up,
                          .workers_total = workers_total_,
                          .tokens_per_s = running * share / step_s},
                         AtSeconds(now_));
    }
  }
  double ShareAt(double seconds) const {
    return estimate_.trace().At(AtSeconds(seconds)).engine_share;
  }

  EngineProfile engine_;
  SpeedEstimate estimate_{engine_};
  std::uint32_t workers_total_ = 1;
  double now_ = 100;
};

TEST(SpeedEstimate, FindsHowSlowAndFromWhen) {
  Reports run;
  run.Go(30, 1, 20);
  run.Go(30, 0.4, 20);
  run.Go(30, 1, 20);
  EXPECT_EQ(run.ShareAt(125), 1);
  EXPECT_NEAR(run.ShareAt(145), 0.4, 0.02);
  EXPECT_EQ(run.ShareAt(170), 1);
  EXPECT_FALSE(run.estimate_.trace().IsReduced(AtSeconds(100), AtSeconds(127)));
  EXPECT_TRUE(run.estimate_.trace().IsReduced(AtSeconds(134), AtSeconds(158)));
}

TEST(SpeedEstimate, AnIdleEngineIsNotASlowOne) {
  Reports run;
  run.Go(30, 1, 20);
  run.Go(30, 1, 0);
  run.Go(30, 1, 1);
  EXPECT_FALSE(run.estimate_.trace().IsReduced(AtSeconds(100), AtSeconds(190)));
}

TEST(SpeedEstimate, PromptsAreWorkToo) {
  Reports reads;
  Reports slow;
  for (int i = 0; i < 40; ++i) {
    // Half of the time goes into prompts, and so half as many tokens come.
    reads.estimate_.OnPrompt(
        static_cast<std::uint32_t>(0.5 * kEvery / reads.engine_.prefill_token_s));
    reads.Go(kEvery, 0.5, 20);
    slow.Go(kEvery, 0.5, 20);
  }
  EXPECT_EQ(reads.ShareAt(108), 1);
  EXPECT_NEAR(slow.ShareAt(108), 0.5, 0.02);
}

TEST(SpeedEstimate, AWorkerThatGoesIsKnownAtOnce) {
  Reports run;
  run.workers_total_ = 2;
  run.Go(10, 1, 20, 2);
  run.Go(10, 1, 10, 1);
  EXPECT_EQ(run.estimate_.trace().At(AtSeconds(109)).workers_up, 2);
  const CapacityStep after = run.estimate_.trace().At(AtSeconds(110));
  EXPECT_EQ(after.workers_up, 1);
  EXPECT_EQ(after.workers_total, 2);
}

}  // namespace
}  // namespace holdfast::verdict
