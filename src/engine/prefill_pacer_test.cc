#include "engine/prefill_pacer.h"

#include <gtest/gtest.h>

namespace holdfast::engine {
namespace {

using namespace std::chrono_literals;

// Steps of a machine that needs `base` for the decoding and `each` for a prompt token.
void RunSteps(PrefillPacer& pacer, PrefillPacer::Duration base, PrefillPacer::Duration each,
              int count) {
  for (int step = 0; step < count; ++step) {
    pacer.Record(pacer.allowed_tokens(), base + pacer.allowed_tokens() * each);
  }
}

TEST(PrefillPacer, SettlesWhereAStepLastsTheTarget) {
  PrefillPacer pacer(512, 200ms);
  EXPECT_EQ(pacer.allowed_tokens(), 512);
  RunSteps(pacer, 50ms, 2ms, 20);
  EXPECT_NEAR(pacer.allowed_tokens(), 75, 2);
  RunSteps(pacer, 50ms, 1ms, 20);
  EXPECT_NEAR(pacer.allowed_tokens(), 150, 2);
  RunSteps(pacer, 10ms, 100us, 20);
  EXPECT_EQ(pacer.allowed_tokens(), 512);
}

TEST(PrefillPacer, PromptsGoOnWhenDecodingAloneIsTooSlow) {
  PrefillPacer pacer(512, 200ms);
  RunSteps(pacer, 300ms, 1ms, 20);
  EXPECT_EQ(pacer.allowed_tokens(), PrefillPacer::kTokensMin);
  EXPECT_EQ(PrefillPacer(4, 200ms).allowed_tokens(), 4);
}

TEST(PrefillPacer, ShortPromptsSayNothingAboutLongOnes) {
  PrefillPacer pacer(512, 200ms);
  pacer.Record(3, 100ms);
  pacer.Record(0, 900ms);
  EXPECT_EQ(pacer.allowed_tokens(), 512);
  pacer.Record(100, 400ms);
  EXPECT_EQ(pacer.allowed_tokens(), 50);
}

TEST(PrefillPacer, ZeroTargetMeansNoPacing) {
  PrefillPacer pacer(512, 0ms);
  pacer.Record(512, 10s);
  EXPECT_EQ(pacer.allowed_tokens(), 512);
}

}  // namespace
}  // namespace holdfast::engine
