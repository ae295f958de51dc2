#include "guard/verdict/verdict.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <gtest/gtest.h>

#include "guard/verdict/test_service.h"

namespace holdfast::guard {
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
  text +=
      fmt::format(" {} requests {} lost {} replayed {} +-{:.0f} draws {} attempts {}",
                  WhyUnknownWord(verdict.why_unknown), verdict.requests, verdict.lost_observed,
                  verdict.lost_replayed, verdict.lost_deviation, verdict.draws, verdict.attempts);
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
    const auto start = std::chrono::steady_clock::now();
    const Verdict verdict = Judge(input, seed);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("%s %s took %.2f s\n", test.name, Print(verdict, truth).c_str(), took.count());
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

}  // namespace
}  // namespace holdfast::guard
