#include "engine/scheduler.h"

#include <chrono>
#include <cstdio>

#include <gtest/gtest.h>

namespace holdfast::engine {
namespace {

using namespace std::chrono_literals;

const TimePoint kNow{1h};

// A scheduler whose model always says token 1.
class Desk {
 public:
  explicit Desk(const SchedulerLimits& limits) : scheduler(limits, /*hash_seed=*/1) {}

  // The sequence stays valid until its End.
  Sequence& Arrive(std::int64_t prompt_count, std::int64_t max_tokens,
                   const std::string& caller = "", std::optional<TimePoint> deadline = {}) {
    Request request;
    for (std::int64_t i = 0; i < prompt_count; ++i) {
      request.prompt.push_back(static_cast<TokenId>(i));
    }
    request.max_tokens = max_tokens;
    request.caller = caller;
    request.deadline = deadline;
    auto sequence = std::make_unique<Sequence>(std::move(request), /*seed=*/0,
                                               std::make_shared<TokenChannel>(1000), kNow);
    Sequence& arrived = *sequence;
    scheduler.Enqueue(std::move(sequence));
    return arrived;
  }

  StepPlan Step(TimePoint now = kNow, std::int64_t prefill_tokens_max = 1000) {
    StepPlan plan = scheduler.Schedule(now, prefill_tokens_max);
    scheduler.CheckInvariants();
    for (const ScheduledSlice& slice : plan.slices) {
      scheduler.Advance(slice);
      if (!slice.gives_token) continue;
      slice.sequence->tokens.push_back(1);
      if (slice.sequence->token_count() == slice.sequence->token_count_max) {
        scheduler.End(*slice.sequence);
        ++ended_count;
      }
    }
    scheduler.CheckInvariants();
    return plan;
  }

  std::int64_t free_count() const { return scheduler.cache().pool().free_count(); }

  Scheduler scheduler;
  int ended_count = 0;
};

std::int64_t CountOf(const StepPlan& plan, const Sequence& sequence) {
  for (const ScheduledSlice& slice : plan.slices) {
    if (slice.sequence == &sequence) return slice.count;
  }
  return 0;
}

TEST(Scheduler, AdmitsFirstComeFirstServedUpToRunningMax) {
  Desk desk({.running_max = 2, .step_tokens_max = 100, .block_count = 100, .block_tokens = 4});
  Sequence& first = desk.Arrive(5, 9);
  Sequence& second = desk.Arrive(6, 9);
  desk.Arrive(7, 9);
  const StepPlan plan = desk.Step();
  ASSERT_EQ(plan.slices.size(), 2u);
  EXPECT_EQ(plan.slices[0].sequence, &first);
  EXPECT_EQ(plan.slices[0].count, 5);
  EXPECT_TRUE(plan.slices[0].gives_token);
  EXPECT_EQ(plan.slices[1].sequence, &second);
  EXPECT_EQ(plan.admitted.size(), 2u);
  EXPECT_EQ(desk.scheduler.waiting_count(), 1);
}

TEST(Scheduler, PrefillsLongPromptsInChunksWhileOthersDecode) {
  Desk desk({.running_max = 4, .step_tokens_max = 10, .block_count = 100, .block_tokens = 4});
  Sequence& quick = desk.Arrive(3, 30);
  desk.Step();
  Sequence& lengthy = desk.Arrive(25, 5);
  for (const std::int64_t chunk : {9, 9, 7, 1}) {
    const StepPlan plan = desk.Step();
    EXPECT_EQ(CountOf(plan, quick), 1);
    EXPECT_EQ(CountOf(plan, lengthy), chunk);
  }
  EXPECT_EQ(lengthy.token_count(), 27);
}

TEST(Scheduler, PrefillsAreHeldBackOnlyWhileSomebodyDecodes) {
  Desk desk({.running_max = 4, .step_tokens_max = 50, .block_count = 100, .block_tokens = 4});
  Sequence& first = desk.Arrive(60, 1);
  EXPECT_EQ(CountOf(desk.Step(kNow, 7), first), 50);
  EXPECT_EQ(CountOf(desk.Step(kNow, 7), first), 10);
  desk.Arrive(1, 9);
  desk.Step(kNow, 7);
  Sequence& second = desk.Arrive(60, 1);
  EXPECT_EQ(CountOf(desk.Step(kNow, 7), second), 7);
}

TEST(Scheduler, DecodingComesBeforeAnOlderPrefill) {
  Desk desk({.running_max = 2, .step_tokens_max = 4, .block_count = 100, .block_tokens = 4});
  Sequence& lengthy = desk.Arrive(11, 5);
  desk.Step();
  desk.Step();
  Sequence& quick = desk.Arrive(1, 5);
  StepPlan plan = desk.Step();  // Three are left of eleven, and one for the newcomer.
  EXPECT_EQ(CountOf(plan, lengthy), 3);
  EXPECT_EQ(CountOf(plan, quick), 1);
}

TEST(Scheduler, PreemptsYoungestWhenBlocksRunOut) {
  Desk desk({.running_max = 4, .step_tokens_max = 100, .block_count = 6, .block_tokens = 4});
  Sequence& old = desk.Arrive(4, 17);
  Sequence& young = desk.Arrive(4, 17);
  std::int64_t preempted = 0;
  std::int64_t young_max = 0;
  while (desk.ended_count < 1) {
    const StepPlan plan = desk.Step();
    EXPECT_EQ(CountOf(plan, old) > 0, true) << "the oldest is served in every step";
    preempted += plan.preempted_count;
    young_max = std::max(young_max, young.token_count());
    EXPECT_GE(young.token_count(), young_max) << "its tokens stay";
  }
  EXPECT_EQ(preempted, 1);
  EXPECT_LT(young.token_count(), young.token_count_max);
  while (desk.ended_count < 2) desk.Step();
  EXPECT_EQ(desk.free_count(), 6);
}

TEST(Scheduler, YoungestStallsRatherThanLoseItsOwnBlocks) {
  Desk desk({.running_max = 4, .step_tokens_max = 100, .block_count = 5, .block_tokens = 4});
  desk.Arrive(4, 9);   // Three blocks in the end.
  desk.Arrive(4, 13);  // Four.
  std::int64_t stalls = 0;
  while (desk.ended_count < 2) {
    const bool both_run = desk.scheduler.running_count() == 2;
    const StepPlan plan = desk.Step();
    EXPECT_EQ(plan.preempted_count, 0);
    stalls += both_run && plan.slices.size() == 1;
  }
  EXPECT_GT(stalls, 0);
  EXPECT_EQ(desk.free_count(), 5);
}

TEST(Scheduler, AdmitsOnlyWhatHasRoomBesideTheRunning) {
  Desk desk({.running_max = 4, .step_tokens_max = 100, .block_count = 10, .block_tokens = 4});
  desk.Arrive(20, 5);  // Five blocks, six in the end.
  desk.Step();
  desk.Arrive(20, 5);  // Five more and one for the running: too many.
  EXPECT_EQ(desk.Step().slices.size(), 1u);
  EXPECT_EQ(desk.scheduler.waiting_count(), 1);
  desk.Arrive(1, 1);  // Would fit, but does not overtake.
  EXPECT_EQ(desk.Step().slices.size(), 1u);
  while (desk.ended_count < 3) desk.Step();
}

TEST(Scheduler, ReusesTheCallersOwnPrefix) {
  Desk desk({.running_max = 4, .step_tokens_max = 100, .block_count = 50, .block_tokens = 4});
  desk.Arrive(12, 1, "ann");
  desk.Step();
  Sequence& again = desk.Arrive(12, 3, "ann");
  Sequence& other = desk.Arrive(12, 3, "bob");
  const StepPlan plan = desk.Step();
  EXPECT_EQ(again.usage.cached_tokens, 8) << "one token is left to compute";
  EXPECT_EQ(CountOf(plan, again), 4);
  EXPECT_EQ(other.usage.cached_tokens, 0);
  EXPECT_EQ(CountOf(plan, other), 12);
}

TEST(Scheduler, CancelledSequencesAreGoneInTheNextPlan) {
  Desk desk({.running_max = 1, .step_tokens_max = 100, .block_count = 50, .block_tokens = 4});
  Sequence& running = desk.Arrive(12, 30);
  Sequence& waiting = desk.Arrive(12, 30);
  desk.Step();
  running.channel->Cancel();
  waiting.channel->Cancel();
  const StepPlan plan = desk.Step();
  ASSERT_EQ(plan.ended.size(), 2u);
  EXPECT_EQ(plan.ended[0].reason, FinishReason::kCancelled);
  EXPECT_TRUE(plan.slices.empty());
  EXPECT_TRUE(desk.scheduler.is_idle());
  EXPECT_EQ(desk.free_count(), 50);
}

TEST(Scheduler, DeadlineEndsRunningAndWaitingAlike) {
  Desk desk({.running_max = 1, .step_tokens_max = 100, .block_count = 50, .block_tokens = 4});
  desk.Arrive(12, 30, "", kNow + 10ms);
  desk.Arrive(12, 30, "", kNow + 20ms);
  EXPECT_TRUE(desk.Step(kNow + 9ms).ended.empty());
  EXPECT_EQ(desk.Step(kNow + 10ms).ended.size(), 1u);
  const StepPlan plan = desk.Step(kNow + 20ms);
  ASSERT_EQ(plan.ended.size(), 1u);
  EXPECT_EQ(plan.ended[0].reason, FinishReason::kDeadline);
  EXPECT_TRUE(desk.scheduler.is_idle());
}

TEST(Scheduler, ForgetsWhatAFailedModelComputed) {
  Desk desk({.running_max = 4, .step_tokens_max = 100, .block_count = 50, .block_tokens = 4});
  Sequence& failed = desk.Arrive(12, 9, "ann");
  desk.Step();
  desk.scheduler.End(failed, /*is_sound=*/false);
  EXPECT_EQ(desk.free_count(), 50);
  Sequence& again = desk.Arrive(12, 9, "ann");
  desk.Step();
  EXPECT_EQ(again.usage.cached_tokens, 0);
}

TEST(Scheduler, KnowsWhatFitsAlone) {
  Desk desk({.running_max = 1, .step_tokens_max = 8, .block_count = 5, .block_tokens = 4});
  EXPECT_TRUE(desk.scheduler.FitsAlone(21)) << "the last token is never computed";
  EXPECT_FALSE(desk.scheduler.FitsAlone(22));
  desk.Arrive(10, 11);
  for (int step = 0; step < 12; ++step) desk.Step();
  EXPECT_EQ(desk.ended_count, 1);
}

// Not a test of speed: prints what the decisions of a step cost.
TEST(Scheduler, PrintsItsCostWithSixtyFourSequences) {
  Desk desk({.running_max = 64, .step_tokens_max = 512, .block_count = 64 * 64});
  for (int i = 0; i < 64; ++i) desk.Arrive(100, 1500, i % 2 == 0 ? "ann" : "bob");
  for (int i = 0; i < 256; ++i) desk.Arrive(100, 1500);  // They wait.
  for (int step = 0; step < 40; ++step) desk.Step();
  ASSERT_EQ(desk.scheduler.running_count(), 64);
  constexpr int kSteps = 1000;
  const auto began = std::chrono::steady_clock::now();
  for (int step = 0; step < kSteps; ++step) {
    const StepPlan plan = desk.scheduler.Schedule(kNow, 1000);
    ASSERT_EQ(plan.slices.size(), 64u);
    for (const ScheduledSlice& slice : plan.slices) {
      desk.scheduler.Advance(slice);
      slice.sequence->tokens.push_back(1);
    }
  }
  const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - began;
  std::printf("64 running, 256 waiting: %.1f us a step\n", spent.count() / kSteps);
}

}  // namespace
}  // namespace holdfast::engine
