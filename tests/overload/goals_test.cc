// What the guard is for, in simulation: goodput without a knee, floods and sign-ups turned away
// without harm to honest people, recovery by itself; each beside what others run. Seeds are in the
// tests; figures over more of them come from `holdfast drill simulate`.
#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "drill/presets.h"
#include "drill/simulation.h"

namespace holdfast::drill {
namespace {

PresetOptions WithSeed(std::uint64_t seed) {
  return {.seed = seed, .engine = {}, .load = 0, .trace = nullptr};
}

Scenario Behind(DoorKind door, Scenario scenario) {
  scenario.door = door;
  return scenario;
}

// Of the seconds [from, to).
struct Stretch {
  double wishes = 0;
  double good = 0;
  double blocked = 0;
  double good_share() const { return wishes == 0 ? 1 : good / wishes; }
  Stretch& operator+=(const Stretch& other) {
    wishes += other.wishes;
    good += other.good;
    blocked += other.blocked;
    return *this;
  }
};

Stretch Over(const SimulationResult& result, std::size_t from, std::size_t to) {
  Stretch sum;
  for (std::size_t i = from; i < to; ++i) {
    const SecondSample& second = result.seconds[i];
    sum.wishes += second.honest_wishes;
    sum.good += second.honest_good;
    sum.blocked += second.honest_blocked;
  }
  return sum;
}

// The presets' attacks begin at 4 minutes and end at 8.
constexpr std::size_t kOnset = 240;
constexpr std::size_t kEnd = 480;

// Seeds 21 to 24 together: one run's mix of lengths alone moves its goodput by 2 %.
TEST(Goals, GoodputHasNoKneeUpToTwentyTimesTheCapacity) {
  std::map<double, double> goodput;  // Means over the seeds, by load.
  std::map<double, double> asked;    // Wishes a second, which at the capacity itself limit it.
  std::map<double, double> waits;
  std::map<double, double> within;  // Of the waits, within 20 % of the first estimate.
  constexpr int kSeeds = 4;
  for (int seed = 21; seed < 21 + kSeeds; ++seed) {
    for (const double load : {1.0, 2.0, 5.0, 10.0, 20.0}) {
      const SimulationResult result =
          Simulate(OverloadScenario(WithSeed(static_cast<std::uint64_t>(seed)), load, kSdkRetries));
      goodput[load] += result.honest_goodput_per_s() / kSeeds;
      asked[load] += static_cast<double>(result.honest().wishes) / result.measured_s / kSeeds;
      EXPECT_LE(result.honest().first_token.QuantileSeconds(0.99), 10) << load;
      EXPECT_GE(static_cast<double>(result.waits_within_20_percent),
                0.85 * static_cast<double>(result.waits))
          << load << ' ' << seed;
      within[load] += static_cast<double>(result.waits_within_20_percent);
      waits[load] += static_cast<double>(result.waits);
    }
  }
  for (const auto& [load, count] : waits) EXPECT_GE(within[load], 0.9 * count) << load;
  double best = 0;
  for (const auto& [load, value] : goodput) best = std::max(best, value);
  for (const auto& [load, value] : goodput) {
    EXPECT_GE(value, 0.95 * std::min(best, asked[load])) << load;
  }
  const Scenario twice = OverloadScenario(WithSeed(21), 2, kSdkRetries);
  EXPECT_LT(Simulate(Behind(DoorKind::kFifo, twice)).honest_goodput_per_s(), 0.1 * best);
  EXPECT_LT(Simulate(Behind(DoorKind::kAdaptiveLimit, twice)).honest_goodput_per_s(), 0.8 * best);
}

TEST(Goals, OverloadLeavesNothingBehindWhenEverybodyRetriesAtOnce) {
  const PresetOptions options = WithSeed(22);
  Scenario scenario = OverloadScenario(options, 5, kNaiveRetries);
  RateWindow surge = scenario.programs.front().windows.front();
  RateWindow calm = surge;
  surge.length = std::chrono::minutes(2);
  calm.rate_per_s = surge.rate_per_s / 10;
  scenario.programs.front().windows = {surge, calm};
  const Stretch after = Over(Simulate(scenario), 125, 470);
  EXPECT_GT(after.wishes, 1000);
  EXPECT_GE(after.good_share(), 0.99);
}

// Seeds 31 to 38 together.
TEST(Goals, FloodFromTenThousandSourcesLeavesHonestPeopleTheirAnswers) {
  Stretch with;
  Stretch without;
  for (std::uint64_t seed = 31; seed <= 38; ++seed) {
    const Scenario flood = FindPreset("flood")->make(WithSeed(seed));
    const SimulationResult attacked = Simulate(flood);
    with += Over(attacked, kOnset + 3, kEnd);
    without += Over(Simulate(Counterfactual(flood, {.hostile = false})), kOnset + 3, kEnd);
    // Behind one address with 499 others.
    const KindResult& office = attacked.kinds[static_cast<std::size_t>(CallerKind::kOffice)];
    EXPECT_GT(office.wishes, 300u);
    EXPECT_EQ(office.blocked, 0u) << seed;
  }
  EXPECT_GE(with.good_share(), 0.99 * without.good_share());
  EXPECT_LE(with.blocked, 0.001 * with.wishes);
  // As a rate it is less than the 99 % aimed at: what is let in before it is known for hostile
  // makes answers slower, and people who read slower answers ask less often.
  EXPECT_GE(with.good, 0.97 * without.good);

  const Scenario flood = FindPreset("flood")->make(WithSeed(31));
  for (const DoorKind door :
       {DoorKind::kFifo, DoorKind::kAddressLimit, DoorKind::kSourceBan, DoorKind::kAdaptiveLimit}) {
    const Stretch other = Over(Simulate(Behind(door, flood)), kOnset + 3, kEnd);
    EXPECT_LT(other.good_share(), 0.5) << DoorKindWord(door);
  }
}

// Prompts of 32,000 tokens at twice the capacity, seeds 71 to 74: few of them are let in, and those
// few do not close the engine on the others.
TEST(Goals, PromptsAtTheCostLimitLeaveHonestPeopleTheirAnswers) {
  Stretch with;
  Stretch without;
  for (std::uint64_t seed = 71; seed <= 74; ++seed) {
    const Scenario flood = FindPreset("cost_limits")->make(WithSeed(seed));
    with += Over(Simulate(flood), kOnset + 3, kEnd);
    without += Over(Simulate(Counterfactual(flood, {.hostile = false})), kOnset + 3, kEnd);
  }
  EXPECT_GE(with.good_share(), 0.99 * without.good_share());
}

// Seeds 41 to 44.
TEST(Goals, SignUpFloodIsMetWithinSecondsAndForgottenWithinAMinute) {
  KindResult honest;
  KindResult hostile;
  for (std::uint64_t seed = 41; seed <= 44; ++seed) {
    const SimulationResult result = Simulate(FindPreset("sign_ups")->make(WithSeed(seed)));
    const auto restricted = [&](std::size_t second) {
      return result.seconds[second].is_registration_restricted;
    };
    EXPECT_FALSE(restricted(kOnset - 1)) << seed;
    EXPECT_TRUE(restricted(kOnset + 5)) << seed;
    EXPECT_FALSE(restricted(kEnd + 60)) << seed;
    honest.Merge(result.honest());
    hostile.Merge(result.hostile());
  }
  EXPECT_GT(honest.sign_ups, 200u);
  EXPECT_GE(static_cast<double>(honest.signed_up), 0.98 * static_cast<double>(honest.sign_ups));
  EXPECT_GT(honest.log_ins, 400u);
  EXPECT_EQ(honest.log_ins_failed, 0u);
  // An account that is made meanwhile is on probation, and has no answers.
  EXPECT_LE(static_cast<double>(hostile.signed_up), 0.05 * static_cast<double>(hostile.sign_ups));
  EXPECT_LE(static_cast<double>(hostile.served), 0.01 * static_cast<double>(hostile.sign_ups));
}

// Seeds 71 to 74. A tenth of the people log in from where they never were, and one guess in twenty
// is at an account of theirs.
TEST(Goals, GuessedPasswordsKeepNobodyFromLoggingIn) {
  KindResult honest;
  for (std::uint64_t seed = 71; seed <= 74; ++seed) {
    honest.Merge(Simulate(FindPreset("stuffing")->make(WithSeed(seed))).honest());
  }
  EXPECT_GT(honest.log_ins, 500u);
  EXPECT_EQ(honest.log_ins_failed, 0u);
  EXPECT_GE(static_cast<double>(honest.signed_up), 0.98 * static_cast<double>(honest.sign_ups));
  const Scenario stuffing = FindPreset("stuffing")->make(WithSeed(71));
  const KindResult fifo = Simulate(Behind(DoorKind::kFifo, stuffing)).honest();
  EXPECT_GT(static_cast<double>(fifo.log_ins_failed), 0.2 * static_cast<double>(fifo.log_ins));
}

TEST(Goals, SlowConnectionsAndHandshakesDoNotTakeTheDoor) {
  for (const char* name : {"slow", "handshakes", "stream_resets"}) {
    const SimulationResult result = Simulate(FindPreset(name)->make(WithSeed(51)));
    EXPECT_GE(Over(result, kOnset + 3, kEnd).good_share(), 0.99) << name;
  }
  const Scenario slow = FindPreset("slow")->make(WithSeed(51));
  const SimulationResult fifo = Simulate(Behind(DoorKind::kFifo, slow));
  EXPECT_LT(Over(fifo, kOnset + 60, kEnd).good_share(), 0.5);
}

TEST(Goals, ServiceIsWholeAgainSecondsAfterACrash) {
  const SimulationResult result = Simulate(FindPreset("crash")->make(WithSeed(61)));
  EXPECT_LT(Over(result, kOnset, kOnset + 25).good_share(), 0.5);
  EXPECT_GE(Over(result, kOnset + 40, kOnset + 200).good_share(), 0.98);
}

}  // namespace
}  // namespace holdfast::drill
