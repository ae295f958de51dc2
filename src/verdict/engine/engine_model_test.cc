#include "verdict/engine/engine_model.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::verdict {
namespace {

using Event = EngineModel::Event;

// Round numbers: a step of 10 ms + 1 ms a sequence, 100 prompt tokens a step of 10 ms more.
constexpr EngineProfile kRound{.step_base_s = 0.010,
                               .step_per_sequence_s = 0.001,
                               .step_per_context_token_s = 0,
                               .prefill_token_s = 0.0001,
                               .sequences_max = 2,
                               .prefill_chunk_tokens = 100,
                               .cache_tokens_max = 10'000,
                               .workers = 1};

std::vector<Event> AdvanceTo(EngineModel& engine, Time until = AtSeconds(1e6)) {
  std::vector<Event> events;
  engine.Advance(until, events);
  return events;
}

TEST(EngineModel, OneRequestTakesItsPromptThenAStepAToken) {
  EngineModel engine(kRound);
  ASSERT_TRUE(engine.Submit(0, 300, 11, AtSeconds(1)));
  const auto events = AdvanceTo(engine);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].what, Event::kFirstToken);
  EXPECT_NEAR(ToSeconds(events[0].time), 1 + 3 * 0.021, 1e-5);
  EXPECT_EQ(events[1].what, Event::kFinished);
  EXPECT_NEAR(ToSeconds(events[1].time - events[0].time), 10 * 0.011, 1e-5);
  EXPECT_EQ(engine.running() + engine.waiting(), 0u);
  EXPECT_NEAR(engine.OutputTokens(AtSeconds(10)), 11, 1e-6);
}

TEST(EngineModel, AnswerOfOneTokenEndsWithItsFirst) {
  EngineModel engine(kRound);
  ASSERT_TRUE(engine.Submit(7, 100, 1, Time{}));
  const auto events = AdvanceTo(engine);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].time, events[1].time);
}

TEST(EngineModel, ThirdRequestWaitsForAPlaceInABatchOfTwo) {
  EngineModel engine(kRound);
  for (std::uint32_t slot = 0; slot < 3; ++slot) ASSERT_TRUE(engine.Submit(slot, 100, 50, Time{}));
  EXPECT_EQ(engine.running(), 2u);
  EXPECT_EQ(engine.waiting(), 1u);
  const auto events = AdvanceTo(engine);
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(events[2].what, Event::kFinished);
  EXPECT_EQ(events[2].slot, 0u);
  for (const Event& event : events) {
    if (event.slot == 2) {
      EXPECT_GT(event.time, events[2].time);
    }
  }
}

TEST(EngineModel, RequestWaitsUntilTheCacheHasRoom) {
  EngineProfile profile = kRound;
  profile.cache_tokens_max = 200;
  EngineModel engine(profile);
  EXPECT_FALSE(engine.Submit(9, 150, 100, Time{}));
  ASSERT_TRUE(engine.Submit(0, 100, 50, Time{}));
  ASSERT_TRUE(engine.Submit(1, 100, 50, Time{}));
  EXPECT_EQ(engine.running(), 1u);
  EXPECT_NEAR(engine.free_cache_share(), 0.25, 1e-9);
  EXPECT_EQ(AdvanceTo(engine).size(), 4u);
}

TEST(EngineModel, GrowingContextSlowsTheStepsAsASumOverThemWould) {
  EngineProfile profile = kRound;
  profile.step_per_context_token_s = 1e-5;
  EngineModel engine(profile);
  ASSERT_TRUE(engine.Submit(0, 100, 1001, Time{}));
  const auto events = AdvanceTo(engine);
  double expected_s = 0;
  for (int step = 0; step < 1000; ++step) expected_s += 0.011 + 1e-5 * (101 + step + 0.5);
  EXPECT_NEAR(ToSeconds(events[1].time - events[0].time), expected_s, 1e-4);
}

TEST(EngineModel, AStallHoldsEverythingAndHalfSpeedDoublesTheTime) {
  EngineModel engine(kRound);
  ASSERT_TRUE(engine.Submit(0, 100, 101, Time{}));
  AdvanceTo(engine, AtSeconds(0.5));
  engine.SetCapacity(0, AtSeconds(0.5));
  EXPECT_EQ(engine.NextEvent(), Time::max());
  engine.SetCapacity(0.5, AtSeconds(10));
  const auto events = AdvanceTo(engine);
  ASSERT_EQ(events.size(), 1u);
  const double left_s = 0.021 + 100 * 0.011 - 0.5;
  EXPECT_NEAR(ToSeconds(events[0].time), 10 + 2 * left_s, 1e-4);
}

TEST(EngineModel, CancelFreesThePlaceAndTellsWhatWasMade) {
  EngineModel engine(kRound);
  for (std::uint32_t slot = 0; slot < 3; ++slot) ASSERT_TRUE(engine.Submit(slot, 100, 500, Time{}));
  AdvanceTo(engine, AtSeconds(1));
  const std::uint32_t made = engine.Cancel(0, AtSeconds(1));
  EXPECT_GT(made, 50u);
  EXPECT_LT(made, 100u);
  EXPECT_EQ(engine.running(), 2u);
  EXPECT_EQ(engine.waiting(), 0u);
  EXPECT_EQ(engine.Cancel(0, AtSeconds(1)), 0u);
  EXPECT_EQ(AdvanceTo(engine).size(), 3u);
}

TEST(EngineModel, LostWorkersLoseTheirRequestsAndOthersGoOn) {
  EngineProfile profile = kRound;
  profile.workers = 2;
  EngineModel engine(profile);
  for (std::uint32_t slot = 0; slot < 4; ++slot) ASSERT_TRUE(engine.Submit(slot, 100, 50, Time{}));
  std::vector<std::uint32_t> lost;
  engine.SetWorkers(1, AtSeconds(0.01), &lost);
  EXPECT_EQ(lost, (std::vector<std::uint32_t>{1, 3}));
  EXPECT_EQ(AdvanceTo(engine, AtSeconds(5)).size(), 4u);
  engine.Crash(AtSeconds(5), nullptr);
  EXPECT_FALSE(engine.Submit(0, 10, 10, AtSeconds(5)));
  engine.SetWorkers(2, AtSeconds(6), nullptr);
  EXPECT_TRUE(engine.Submit(0, 10, 10, AtSeconds(6)));
  EXPECT_EQ(AdvanceTo(engine).size(), 2u);
}

// Where prompts bound the rate, where places do, and where the cache does.
TEST(EngineModel, SustainedRateIsReachedUnderAFullQueue) {
  EngineProfile narrow;
  narrow.sequences_max = 16;
  EngineProfile small;
  small.cache_tokens_max = 40'000;
  for (const EngineProfile& profile : {EngineProfile{}, narrow, small}) {
    for (const auto& [prompt, output] : {std::pair{1000u, 200u}, {100u, 400u}, {3000u, 50u}}) {
      EngineModel engine(profile);
      const double rate = SustainedRequestsPerSecond(profile, prompt, output);
      constexpr std::uint32_t kCount = 4000;
      for (std::uint32_t slot = 0; slot < kCount; ++slot) {
        ASSERT_TRUE(engine.Submit(slot, prompt, output, Time{}));
      }
      std::vector<Time> ends;
      for (const Event& event : AdvanceTo(engine)) {
        if (event.what == Event::kFinished) ends.push_back(event.time);
      }
      ASSERT_EQ(ends.size(), kCount);
      const double seconds = ToSeconds(ends[kCount - 500] - ends[500]);
      EXPECT_NEAR((kCount - 1000) / seconds, rate, 0.03 * rate) << prompt << ' ' << output;
    }
  }
}

// Whatever comes and goes, each request ends once, in order of time, and nothing is left over.
TEST(EngineModel, EveryRequestEndsOnceUnderRandomUse) {
  Random random(3);
  EngineProfile profile;
  profile.workers = 3;
  profile.sequences_max = 8;
  profile.cache_tokens_max = 20'000;
  EngineModel engine(profile);
  std::vector<int> state(64, 0);  // 0: free, 1: submitted, 2: has its first token.
  Time now{};
  int ended = 0;
  int submitted = 0;
  const auto take = [&](const std::vector<Event>& events) {
    for (const Event& event : events) {
      ASSERT_EQ(state[event.slot], event.what == Event::kFirstToken ? 1 : 2);
      state[event.slot] = event.what == Event::kFirstToken ? 2 : 0;
      if (event.what == Event::kFinished) ++ended;
    }
  };
  for (int i = 0; i < 20'000; ++i) {
    now += FromSeconds(0.2 * random.Uniform());
    take(AdvanceTo(engine, now));
    const auto slot = static_cast<std::uint32_t>(random.Next() % 64);
    if (state[slot] == 0) {
      ASSERT_TRUE(engine.Submit(slot, 1 + random.Next() % 3000, 1 + random.Next() % 300, now));
      state[slot] = 1;
      ++submitted;
    } else if (random.Uniform() < 0.1) {
      engine.Cancel(slot, now);
      state[slot] = 0;
      ++ended;
    } else if (random.Uniform() < 0.02) {
      engine.SetCapacity(random.Uniform(), now);
    } else if (random.Uniform() < 0.01) {
      std::vector<std::uint32_t> lost;
      engine.SetWorkers(1 + static_cast<int>(random.Next() % 3), now, &lost);
      for (const std::uint32_t gone : lost) state[gone] = 0;
      ended += static_cast<int>(lost.size());
    }
  }
  engine.SetCapacity(1, now);
  take(AdvanceTo(engine));
  EXPECT_EQ(ended, submitted);
  EXPECT_EQ(engine.running() + engine.waiting(), 0u);
  EXPECT_NEAR(engine.free_cache_share(), 1, 1e-12);
}

}  // namespace
}  // namespace holdfast::verdict
