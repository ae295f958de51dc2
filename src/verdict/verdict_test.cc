#include "verdict/verdict.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "verdict/test_service.h"

namespace holdfast::verdict {
namespace {

using test::AddArrivals;
using test::Script;
using test::Service;

constexpr std::uint64_t kHonest = 1'000'000;
constexpr std::uint64_t kCrowd = 2'000'000;
constexpr std::uint64_t kBots = 3'000'000;

// Strengths in requests a second beside an ordinary 12.
struct Causes {
  double attack = 0;
  double crowd = 0;
  double capacity = 1;
  Standing bots = Standing::kHistory;
};

constexpr double kOnset_s = 90;
constexpr double kEnd_s = 210;

Service MakeService(const Causes& causes, std::uint64_t seed) {
  Service service{.seed = seed, .count_from = AtSeconds(kOnset_s), .count_to = AtSeconds(kEnd_s)};
  const Time start{};
  const Time onset = AtSeconds(kOnset_s);
  const Time end = AtSeconds(kEnd_s);
  const Time last = end + std::chrono::seconds(40);
  const Script honest{.client = kHonest, .group = 11};
  AddArrivals(service, 12, start, last, 300, honest, seed);
  if (causes.crowd > 0) {
    AddArrivals(service, causes.crowd, onset, end, 2000,
                {.client = kCrowd, .group = 12, .is_extra = true}, seed + 1);
  }
  if (causes.attack > 0) {
    AddArrivals(service, causes.attack, onset, end, 1000,
                {.client = kBots, .group = 13, .standing = causes.bots, .is_hostile = true},
                seed + 2);
  }
  if (causes.capacity < 1) service.faults = {{onset, end, causes.capacity}};
  std::ranges::stable_sort(service.scripts, {}, &Script::arrival);
  return service;
}

JudgeInput InputOf(const Service& service, double odds = 8) {
  JudgeInput input{.admission = service.admission,
                   .engine = service.engine,
                   .onset = service.count_from,
                   .end = service.count_to,
                   .now = service.count_to + std::chrono::seconds(40)};
  service.Run(CausePresence::Of(7), &input.records);
  input.capacity = service.Trace();
  input.provision.levels = {
      LearnLevel(input.records, AtSeconds(10), service.count_from, service.admission)};
  input.provision.levels[0].cost_per_s *= 1.05;
  std::vector<std::uint64_t> seen;
  for (const Script& script : service.scripts) seen.push_back(script.client);
  std::ranges::sort(seen);
  seen.erase(std::ranges::unique(seen).begin(), seen.end());
  for (const std::uint64_t client : seen) {
    const std::uint64_t group = client >= kBots ? 13 : client >= kCrowd ? 12 : 11;
    input.scores.push_back({.client = client,
                            .group = group,
                            .log_odds = client >= kBots ? odds : -odds,
                            .requests = 1});
  }
  return input;
}

std::string Print(const Verdict& verdict, const CauseShares& truth) {
  std::string text(LabelWord(verdict.label));
  text += fmt::format(" {} requests {} lost {} replayed {} +-{:.0f}/{:.0f} draws {} attempts {}",
                      WhyUnknownWord(verdict.why_unknown), verdict.requests, verdict.lost_observed,
                      verdict.lost_replayed, verdict.lost_deviation, verdict.replay_deviation,
                      verdict.draws, verdict.attempts);
  for (int c = 0; c < kCauseCount; ++c) {
    const Share& share = verdict.shares[static_cast<std::size_t>(c)];
    text += fmt::format("; {} {:.3f} ({:.3f}-{:.3f}) true {:.3f}", CauseWord(static_cast<Cause>(c)),
                        share.median, share.low, share.high, truth[static_cast<std::size_t>(c)]);
  }
  for (const double loss : verdict.world_losses) text += fmt::format(" {}", loss);
  return text;
}

struct Case {
  const char* name;
  Causes causes;
  Label label;
};

class Verdicts : public testing::TestWithParam<Case> {};

TEST_P(Verdicts, AgreeWithTheTruthOfFullSimulations) {
  const Case& test = GetParam();
  for (const std::uint64_t seed : {11U, 12U}) {
    const Service service = MakeService(test.causes, seed);
    const CauseShares truth = service.TrueShares();
    const JudgeInput input = InputOf(service);
    const Verdict verdict = Judge(input, seed);
    EXPECT_EQ(LabelWord(verdict.label), LabelWord(test.label)) << Print(verdict, truth);
    for (std::size_t cause = 0; cause < kCauseCount; ++cause) {
      EXPECT_NEAR(verdict.shares[cause].median, truth[cause], 0.05) << Print(verdict, truth);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Causes, Verdicts,
    testing::Values(Case{"attack", {.attack = 60}, Label::kAttack},
                    Case{"crowd", {.crowd = 40}, Label::kDemand},
                    Case{"capacity", {.capacity = 0.3}, Label::kLostCapacity},
                    Case{"attack and crowd", {.attack = 25, .crowd = 25}, Label::kMixed},
                    Case{"crowd and fault", {.crowd = 12, .capacity = 0.6}, Label::kMixed},
                    Case{"all", {.attack = 15, .crowd = 15, .capacity = 0.6}, Label::kMixed}),
    [](const auto& info) {
      std::string name = info.param.name;
      std::ranges::replace(name, ' ', '_');
      return name;
    });

TEST(Verdict, IsTheSameToTheBitFromTheSameSeed) {
  const JudgeInput input = InputOf(MakeService({.attack = 15, .crowd = 15, .capacity = 0.6}, 21));
  const Verdict first = Judge(input, 1);
  EXPECT_EQ(first, Judge(input, 1));
  EXPECT_NE(first, Judge(input, 2));
}

TEST(Verdict, WidensWithDoubtAboutWhoIsHostile) {
  const Service service = MakeService({.attack = 25, .crowd = 25}, 22);
  const auto width = [&](double odds) {
    const Share share = Judge(InputOf(service, odds), 3).shares[0];
    return share.high - share.low;
  };
  EXPECT_LT(width(8), 0.1);
  EXPECT_GT(width(0.5), 0.25);
}

TEST(Verdict, NeverSaysAttackWhenNobodyIsLikelyHostile) {
  for (const std::uint64_t seed : {31U, 32U, 33U, 34U}) {
    const Verdict verdict = Judge(InputOf(MakeService({.crowd = 40}, seed), 3), seed);
    EXPECT_NE(verdict.label, Label::kAttack);
    EXPECT_LT(verdict.shares[0].median, 0.2);
  }
}

TEST(Verdict, KeepsToItsCost) {
  const JudgeInput input = InputOf(MakeService({.attack = 60, .crowd = 25}, 23), 2);
  const Verdict whole = Judge(input, 1, {.attempts_max = 10'000'000});
  const Verdict small = Judge(input, 1, {.attempts_max = 150'000});
  EXPECT_EQ(whole.draws, 16);
  EXPECT_EQ(whole.counted_share, 1);
  EXPECT_EQ(small.draws, 5);
  EXPECT_LT(small.counted_share, 1);
  // Retries that the replay makes are not foreseen: about.
  EXPECT_LT(small.attempts, 300'000U);
  EXPECT_EQ(Judge(input, 1, {.attempts_max = 5'000}).why_unknown, WhyUnknown::kTooLarge);
}

// What was known of `whole` at `now`, while the incident went on.
JudgeInput AsSeenAt(const JudgeInput& whole, Time now) {
  JudgeInput input = whole;
  input.end = Time::max();
  input.now = now;
  std::erase_if(input.records, [&](const JournalRecord& record) { return record.arrival >= now; });
  for (JournalRecord& record : input.records) {
    if (record.arrival + record.held <= now) continue;
    const bool has_begun = record.arrival + record.first_token <= now;
    record = {.arrival = record.arrival,
              .client = record.client,
              .group = record.group,
              .request = record.request,
              .held = now - record.arrival,
              .first_token = has_begun ? record.first_token : Duration{0},
              .prompt_tokens = record.prompt_tokens,
              .route = record.route,
              .standing = record.standing,
              .attempt = record.attempt,
              .is_open = true};
  }
  return input;
}

TEST(Verdict, IsKnownThirtySecondsAfterTheOnset) {
  const JudgeInput whole = InputOf(MakeService({.attack = 60}, 24));
  const JudgeInput input = AsSeenAt(whole, whole.onset + std::chrono::seconds(25));
  const Verdict verdict = Judge(input, 1);
  EXPECT_EQ(verdict.label, Label::kAttack) << Print(verdict, {});
}

TEST(Verdict, CountsUpToTheFirstRequestThatStillWaits) {
  const JudgeInput whole = InputOf(MakeService({.attack = 60}, 24));
  JudgeInput input = AsSeenAt(whole, whole.onset + std::chrono::seconds(20));
  const auto still_waits = [](const JournalRecord& record) {
    return record.is_open && record.first_token == Duration{0};
  };
  std::erase_if(input.records, still_waits);
  EXPECT_EQ(Judge(input, 1).counted_to, input.now - std::chrono::seconds(2));
  JournalRecord waiting = input.records.back();
  waiting.first_token = Duration{0};
  waiting.is_open = true;
  waiting.arrival = input.now - std::chrono::seconds(6);
  waiting.held = input.now - waiting.arrival;
  const auto later =
      std::ranges::upper_bound(input.records, waiting.arrival, {}, &JournalRecord::arrival);
  input.records.insert(later, waiting);
  EXPECT_EQ(Judge(input, 1).counted_to, waiting.arrival);
}

// The incident goes on, but nothing more is lost: too long to be replayed whole, it is judged where
// people lost something.
TEST(Verdict, CountsThePartInWhichMostWasLost) {
  const Service service = MakeService({.attack = 60}, 26);
  JudgeInput input = InputOf(service);
  input.onset -= std::chrono::seconds(60);
  const Verdict whole = Judge(input, 1);
  ASSERT_EQ(whole.label, Label::kAttack) << Print(whole, {});
  const Verdict part = Judge(input, 1, {.counted_max = std::chrono::seconds(50)});
  EXPECT_GE(part.counted_from, service.count_from - std::chrono::seconds(5));
  EXPECT_EQ(part.label, Label::kAttack) << Print(part, {});
}

TEST(Verdict, SaysWhyItDoesNotKnow) {
  const Service service = MakeService({.attack = 60}, 25);
  const JudgeInput good = InputOf(service);
  ASSERT_EQ(Judge(good, 1).label, Label::kAttack);

  JudgeInput gap = good;
  gap.gaps = {{good.onset, good.onset + std::chrono::seconds(20)}};
  EXPECT_EQ(Judge(gap, 1).why_unknown, WhyUnknown::kJournalGap);

  JudgeInput silent = good;
  std::erase_if(silent.records, [&](const JournalRecord& record) {
    return record.arrival >= good.onset && record.arrival < good.onset + std::chrono::seconds(40);
  });
  EXPECT_EQ(Judge(silent, 1).why_unknown, WhyUnknown::kJournalGap);
  // Where as long a silence is nothing new, it is no gap.
  std::erase_if(silent.records, [&](const JournalRecord& record) {
    return record.arrival >= good.onset - std::chrono::seconds(40) &&
           record.arrival < good.onset - std::chrono::seconds(5);
  });
  EXPECT_NE(Judge(silent, 1).why_unknown, WhyUnknown::kJournalGap);

  JudgeInput front = good;
  for (int i = 0; i < 10; ++i) {
    front.probes.push_back({.time = good.onset + std::chrono::seconds(10 * i),
                            .has_reached_host = i % 2 == 0,
                            .host_busy_share = 0.1});
  }
  EXPECT_EQ(Judge(front, 1).why_unknown, WhyUnknown::kInFront);
  for (OutsideProbe& probe : front.probes) probe.host_busy_share = 1;
  EXPECT_EQ(Judge(front, 1).label, Label::kAttack);

  // An engine ten times as fast would not have lost what was lost.
  JudgeInput wrong = good;
  wrong.engine.step_base_s /= 10;
  wrong.engine.step_per_sequence_s /= 10;
  wrong.engine.prefill_token_s /= 10;
  EXPECT_EQ(Judge(wrong, 1).why_unknown, WhyUnknown::kReplayDiffers);

  JudgeInput quiet = good;
  quiet.onset = AtSeconds(20);
  quiet.end = AtSeconds(70);
  EXPECT_EQ(Judge(quiet, 1).why_unknown, WhyUnknown::kNoLoss);
}

// A journal that had to sample gives the same verdict within its error.
TEST(Verdict, HoldsOnASampledJournal) {
  const Service service = MakeService({.attack = 60, .crowd = 25}, 26);
  const CauseShares truth = service.TrueShares();
  JudgeInput input = InputOf(service);
  const auto draw = [](std::uint64_t client) { return Mix64(client) % 4; };
  std::erase_if(input.records, [&](const JournalRecord& record) {
    return record.group == 13 && draw(record.client) != 0;
  });
  for (JournalRecord& record : input.records) {
    if (record.group == 13) record.weight = record.clients = 4;
  }
  const Verdict verdict = Judge(input, 1);
  EXPECT_EQ(verdict.why_unknown, WhyUnknown::kKnown) << Print(verdict, truth);
  EXPECT_NEAR(verdict.shares[0].median, truth[0], 0.07) << Print(verdict, truth);
}

}  // namespace
}  // namespace holdfast::verdict
