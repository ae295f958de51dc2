// Admission on the rung of shorter answers: who gets a shorter one, who is told to ask for less,
// and that none of it changes the pressure it answers to.
#include <optional>

#include <gtest/gtest.h>

#include "guard/overload/admission.h"

namespace holdfast::guard {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint32_t kShort = 64;
constexpr std::uint64_t kRunner = 1;

// One answer is under way and a large request waits, so that pressure is high.
class ShortAnswers : public testing::Test {
 protected:
  static AdmissionOptions Options(std::uint32_t short_answer_tokens) {
    AdmissionOptions options;
    options.is_adaptive = false;
    options.is_deadline_aware = false;
    options.in_flight_initial = 1;
    options.clients_max = 64;
    options.short_answer_tokens = short_answer_tokens;
    options.ladder.steps = {{Rung::kNoEarlyRetries, 1.25, 0.9}};
    if (short_answer_tokens > 0) options.ladder.steps.push_back({Rung::kShorterAnswers, 2.5, 1.75});
    return options;
  }

  static RequestFacts From(std::uint64_t account, std::uint32_t tokens_max = 0) {
    RequestFacts facts;
    facts.caller.account = account;
    facts.standing = Standing::kHistory;
    facts.prompt_tokens = 100;
    facts.tokens_max = tokens_max;
    return facts;
  }

  void Pass(Duration time) {
    for (const Time until = now_ + time; now_ < until; now_ += milliseconds(50)) Poll();
  }
  void Poll() { admission_.Poll(now_, started_, expired_); }

  void StepDown() {
    running_ = admission_.Request(From(kRunner, 8), now_).id;
    RequestFacts large = From(2, 8);
    large.prompt_tokens = 20'000;
    waiting_ = admission_.Request(large, now_).id;
    Pass(seconds(5));
  }

  Admission::Offer Request(const RequestFacts& facts) { return admission_.Request(facts, now_); }

  Admission admission_{Options(kShort)};
  Time now_ = AtSeconds(1);
  TicketId running_ = 0;
  TicketId waiting_ = 0;
  std::vector<TicketId> started_;
  std::vector<Admission::Expired> expired_;
};

TEST_F(ShortAnswers, BelowTheRungEveryAnswerIsAsItIsAskedFor) {
  EXPECT_EQ(Request(From(kRunner, 8)).tokens_max, 0u);
  for (const std::uint32_t tokens_max : {0U, kShort, 100 * kShort}) {
    const Admission::Offer offer = Request(From(10 + tokens_max, tokens_max));
    EXPECT_EQ(offer.what, Admission::Offer::kWait);
    EXPECT_EQ(offer.tokens_max, 0u);
  }
}

TEST_F(ShortAnswers, WhoSetsNoLimitGetsAShorterOne) {
  StepDown();
  ASSERT_EQ(admission_.rung(), Rung::kShorterAnswers);
  EXPECT_GT(admission_.rung_since(), AtSeconds(1));
  const Admission::Offer offer = Request(From(3));
  EXPECT_EQ(offer.what, Admission::Offer::kWait);
  EXPECT_EQ(offer.tokens_max, kShort);
  EXPECT_EQ(admission_.Find(offer.id).tokens_max, kShort);
  EXPECT_LE(admission_.Find(offer.id).predicted_output, kShort);
}

TEST_F(ShortAnswers, WhoSetsALimitIsServedAsAskedOrToldToAskForLess) {
  StepDown();
  const struct {
    std::uint32_t tokens_max;
    Refusal refusal;
  } cases[] = {{1, Refusal::kNone},
               {kShort, Refusal::kNone},
               {kShort + 1, Refusal::kShorterAnswers},
               {1 << 20, Refusal::kShorterAnswers}};
  for (const auto& c : cases) {
    const Admission::Offer offer = Request(From(10 + c.tokens_max, c.tokens_max));
    EXPECT_EQ(offer.refusal, c.refusal) << c.tokens_max;
    EXPECT_EQ(offer.tokens_max, c.refusal == Refusal::kNone ? 0 : kShort) << c.tokens_max;
    EXPECT_GE(offer.retry_after, c.refusal == Refusal::kNone ? seconds(0) : seconds(5));
  }
}

TEST_F(ShortAnswers, WhoIsToldToAskForLessMayDoSoAtOnce) {
  StepDown();
  EXPECT_EQ(Request(From(3, 1000)).refusal, Refusal::kShorterAnswers);
  EXPECT_EQ(Request(From(3, kShort)).what, Admission::Offer::kWait);
}

TEST_F(ShortAnswers, WhoAsksForTheSameTooEarlyIsToldTheSameTime) {
  StepDown();
  const Duration told = Request(From(3, 1000)).retry_after;
  Pass(seconds(2));
  const double pressure = admission_.counters().pressure;
  for (int i = 0; i < 100; ++i) {
    const Admission::Offer again = Request(From(3, 1000));
    EXPECT_EQ(again.refusal, Refusal::kShorterAnswers);
    EXPECT_EQ(again.retry_after, told - seconds(2));
  }
  EXPECT_LE(admission_.counters().pressure, pressure) << "it is counted as new demand";
}

TEST_F(ShortAnswers, WhoComesWhenToldIsNoEarlyRetry) {
  StepDown();
  const Duration told = Request(From(3, 1000)).retry_after;
  ASSERT_LE(told, seconds(8));
  Pass(told);
  ASSERT_GE(admission_.rung(), Rung::kNoEarlyRetries);
  RequestFacts retry = From(3, kShort);
  retry.attempt = 1;
  EXPECT_EQ(Request(retry).what, Admission::Offer::kWait);
  retry.caller.account = 4;  // Was told nothing.
  EXPECT_EQ(Request(retry).refusal, Refusal::kShed);
}

// As on every rung: none leaves the engine idle.
TEST_F(ShortAnswers, WhoFindsAFreePlaceIsServedAsAsked) {
  StepDown();
  admission_.OnFinish(waiting_, 0, Ending::kAbandoned, now_);
  admission_.OnFinish(running_, 8, Ending::kServed, now_);
  ASSERT_EQ(admission_.rung(), Rung::kShorterAnswers);
  const Admission::Offer offer = Request(From(3, 1000));
  EXPECT_EQ(offer.what, Admission::Offer::kStart);
  EXPECT_EQ(offer.tokens_max, 0u);
}

TEST_F(ShortAnswers, ComesBackByItself) {
  StepDown();
  Pass(seconds(60));
  EXPECT_EQ(admission_.rung(), Rung::kOpen);
  EXPECT_EQ(Request(From(3)).tokens_max, 0u);
}

// The rung must not take away what it stands on, or it would come and go.
TEST_F(ShortAnswers, ShorteningChangesNoPressure) {
  Admission without(Options(0));
  Admission with(Options(kShort));
  std::vector<TicketId> started;
  std::vector<Admission::Expired> expired;
  bool has_shortened = false;
  for (int i = 0; i < 400; ++i) {
    const RequestFacts facts = From(100 + i % 40, i % 3 == 0 ? 1000 : 0);
    const Time now = AtSeconds(1) + i * milliseconds(50);
    without.Request(facts, now);
    has_shortened |= with.Request(facts, now).tokens_max > 0;
    without.Poll(now, started, expired);
    with.Poll(now, started, expired);
    if (with.rung() < Rung::kShorterAnswers) continue;
    EXPECT_GT(with.counters().pressure, 2.5) << i;
  }
  EXPECT_TRUE(has_shortened);
  EXPECT_EQ(with.rung(), Rung::kShorterAnswers);
}

}  // namespace
}  // namespace holdfast::guard
