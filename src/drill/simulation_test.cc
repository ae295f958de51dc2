#include "drill/simulation.h"

#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "drill/presets.h"
#include "drill/simulation_report.h"

namespace holdfast::drill {
namespace {

using guard::AtSeconds;

// A small service: a tenth of the default's day, 4 minutes.
Scenario SmallDay(std::uint64_t seed) {
  Scenario scenario;
  scenario.seed = seed;
  scenario.length = std::chrono::minutes(4);
  scenario.warm_up = std::chrono::seconds(30);
  People people{.count = 150};
  people.away_mean_s = 300;
  scenario.people = {people};
  Programs programs{.count = 8};
  programs.windows = {{std::chrono::minutes(10), 0.1, ArrivalLaw::kGamma, 0.5}};
  scenario.programs = {programs};
  return scenario;
}

Attack SmallFlood() {
  return {.kind = CallerKind::kLowRateFlood,
          .start = AtSeconds(80),
          .end = AtSeconds(180),
          .sources = 500,
          .rate_per_s = 100};
}

std::string JsonOf(const Scenario& scenario) {
  const SimulationRun run{.scenario = scenario.name,
                          .seed = scenario.seed,
                          .door = scenario.door,
                          .load = 0,
                          .result = Simulate(scenario)};
  return RunsToJson({&run, 1});
}

TEST(Simulation, SameSeedGivesTheSameJsonToTheBitAndAnotherSeedDoesNot) {
  for (int door = 0; door < kDoorKindCount; ++door) {
    Scenario scenario = SmallDay(5);
    scenario.door = static_cast<DoorKind>(door);
    scenario.attacks = {SmallFlood()};
    const std::string once = JsonOf(scenario);
    EXPECT_EQ(once, JsonOf(scenario)) << DoorKindWord(scenario.door);
    scenario.seed = 6;
    EXPECT_NE(once, JsonOf(scenario)) << DoorKindWord(scenario.door);
  }
}

// What each caller first asks, and when: what does not depend on how it was treated.
class FirstWishes : public Observer {
 public:
  void OnRequest(const guard::RequestFacts& facts, const Answer&, const Truth& truth) override {
    if (truth.is_hostile() || truth.logical != 0 || facts.attempt != 0) return;
    wishes[truth.caller] = {facts.time, facts.caller.fingerprint};
  }
  std::map<std::uint32_t, std::pair<guard::Time, std::uint64_t>> wishes;
};

TEST(Simulation, RemovingHostileCallersLeavesHonestOnesAsTheyWere) {
  Scenario scenario = SmallDay(7);
  scenario.attacks = {SmallFlood()};
  FirstWishes with;
  FirstWishes without;
  Simulate(scenario, &with);
  const SimulationResult alone =
      Simulate(Counterfactual(scenario, {.hostile = false, .demand = true}), &without);
  EXPECT_EQ(with.wishes, without.wishes);
  EXPECT_FALSE(with.wishes.empty());
  EXPECT_EQ(alone.hostile().requests, 0u);
}

TEST(Simulation, ThinningBringsDemandToTheProvisionedLevel) {
  Scenario scenario = SmallDay(8);
  FlashCrowd crowd{.start = AtSeconds(60)};
  crowd.rise = std::chrono::seconds(20);
  crowd.hold = std::chrono::seconds(80);
  crowd.fall = std::chrono::seconds(20);
  crowd.visitors_per_s = 15;
  scenario.crowds = {crowd};
  scenario.provisioned_cost_per_s = 8'000;
  const Scenario thinned = Counterfactual(scenario, {.demand = false});
  const SimulationResult all = Simulate(scenario);
  const SimulationResult kept = Simulate(thinned);
  double cost = 0;
  for (std::size_t second = 90; second < 150; ++second) cost += kept.seconds[second].honest_cost;
  EXPECT_NEAR(cost / 60, 8'000, 2'400);
  EXPECT_LT(all.honest_good_share(), 0.9);
  EXPECT_GT(kept.honest_good_share(), 0.99);
}

TEST(Simulation, FaultsAreLeftOutWithoutTheirCause) {
  Scenario scenario = SmallDay(9);
  scenario.faults = {{FaultKind::kCrash, AtSeconds(80), AtSeconds(140), 0}};
  const SimulationResult broken = Simulate(scenario);
  const SimulationResult nominal = Simulate(Counterfactual(scenario, {.lost_capacity = false}));
  EXPECT_LT(broken.honest_good_share(), 0.85);
  EXPECT_GT(nominal.honest_good_share(), 0.99);
}

TEST(Simulation, ReplaysATraceOfASingleRequest) {
  Scenario scenario;
  scenario.length = std::chrono::minutes(2);
  scenario.warm_up = Duration(0);
  scenario.traces = {{.requests = std::make_shared<const std::vector<TracedRequest>>(
                          std::vector<TracedRequest>{{Duration(0), 500, 100}}),
                      .compression = 5}};
  EXPECT_NEAR(static_cast<double>(Simulate(scenario).requests), 600, 2);
}

// What newcomers and regulars first ask for.
class FirstRoutes : public Observer {
 public:
  void OnRequest(const guard::RequestFacts& facts, const Answer&, const Truth& truth) override {
    if (truth.logical == 0) routes[truth.is_first_visit][facts.route].insert(truth.caller);
  }
  std::map<bool, std::map<guard::Route, std::set<std::uint32_t>>> routes;
};

TEST(Simulation, OnlyWhoWasHereBeforeComesWithThePageOpen) {
  Scenario scenario = SmallDay(13);
  for (const CallerKind kind : {CallerKind::kNewcomer, CallerKind::kRegular}) {
    People people{.kind = kind, .count = 300, .page_share = 0.5};
    people.away_mean_s = 100;
    scenario.people.push_back(people);
  }
  FirstRoutes first;
  Simulate(scenario, &first);
  EXPECT_GT(first.routes[true][guard::Route::kPage].size(), 150u);
  EXPECT_EQ(first.routes[true].size(), 1u);
  EXPECT_GT(first.routes[false][guard::Route::kChat].size(), 50u);
}

// What an observer may rely on.
class Auditor : public Observer {
 public:
  void OnRequest(const guard::RequestFacts& facts, const Answer& answer,
                 const Truth& truth) override {
    Advance(facts.time);
    ++requests;
    const bool is_new = open_.insert({truth.caller, truth.logical, facts.attempt}).second;
    EXPECT_TRUE(is_new);
    if (answer.is_waiting) {
      EXPECT_EQ(answer.refusal, guard::Refusal::kNone);
    }
  }
  void OnOutcome(const guard::RequestFacts& facts, const guard::OutcomeFacts& outcome,
                 const Truth& truth) override {
    Advance(outcome.time);
    ++outcomes;
    EXPECT_EQ(open_.erase({truth.caller, truth.logical, facts.attempt}), 1u);
    EXPECT_EQ(outcome.arrival, facts.time);
    EXPECT_EQ(outcome.ending == guard::Ending::kRefused, outcome.refusal != guard::Refusal::kNone);
  }
  void OnCapacity(const CapacityChange& change) override { capacities.push_back(change); }
  void OnProbe(const ProbeFacts& probe) override { lost_probes += probe.has_reached_host ? 0 : 1; }
  void OnGap(guard::Time from, guard::Time to) override { gaps.emplace_back(from, to); }
  void OnKnown(const guard::Caller&) override { ++known; }
  std::size_t still_open() const { return open_.size(); }

  std::uint64_t requests = 0;
  std::uint64_t outcomes = 0;
  int known = 0;
  int lost_probes = 0;
  std::vector<CapacityChange> capacities;
  std::vector<std::pair<guard::Time, guard::Time>> gaps;

 private:
  void Advance(guard::Time time) {
    EXPECT_GE(time, now_);
    now_ = time;
  }
  std::set<std::tuple<std::uint32_t, std::uint32_t, int>> open_;
  guard::Time now_{};
};

TEST(Simulation, EveryRequestEndsOnceWhateverTheDoor) {
  for (int door = 0; door < kDoorKindCount; ++door) {
    Scenario scenario = SmallDay(10);
    scenario.door = static_cast<DoorKind>(door);
    scenario.attacks = {SmallFlood()};
    scenario.faults = {{FaultKind::kStall, AtSeconds(100), AtSeconds(110), 0},
                       {FaultKind::kCrash, AtSeconds(120), AtSeconds(130), 0},
                       {FaultKind::kTightLimits, AtSeconds(140), AtSeconds(150), 0.01},
                       {FaultKind::kSmallBatch, AtSeconds(145), AtSeconds(155), 0.05}};
    Auditor auditor;
    const SimulationResult result = Simulate(scenario, &auditor);
    EXPECT_EQ(auditor.requests, result.requests);
    EXPECT_EQ(auditor.requests, auditor.outcomes + auditor.still_open());
    EXPECT_LT(auditor.still_open(), 200u);  // Only what was under way at the end.
    EXPECT_EQ(auditor.known, 158);
    EXPECT_GE(auditor.capacities.size(), 9u);
    EXPECT_EQ(auditor.capacities.front().workers_up, 1);
  }
}

TEST(Simulation, TellsWhatAnOutsideProbeAndAJournalWithAGapWouldShow) {
  Scenario scenario = SmallDay(11);
  scenario.probe_interval = std::chrono::seconds(1);
  scenario.faults = {{FaultKind::kUplink, AtSeconds(60), AtSeconds(120), 0.5},
                     {FaultKind::kBlind, AtSeconds(150), AtSeconds(160), 0}};
  Auditor auditor;
  // Requests and outcomes do not pair up across a gap, so only a part is audited.
  struct Quiet : Observer {
    explicit Quiet(Auditor& to) : auditor(to) {}
    void OnProbe(const ProbeFacts& probe) override { auditor.OnProbe(probe); }
    void OnGap(guard::Time from, guard::Time to) override { auditor.OnGap(from, to); }
    void OnRequest(const guard::RequestFacts& facts, const Answer&, const Truth&) override {
      EXPECT_FALSE(facts.time >= AtSeconds(150) && facts.time < AtSeconds(160));
    }
    Auditor& auditor;
  } quiet(auditor);
  const SimulationResult result = Simulate(scenario, &quiet);
  EXPECT_GT(auditor.lost_probes, 15);
  EXPECT_LT(auditor.lost_probes, 45);
  // Told each second while it lasts, without holes.
  ASSERT_EQ(auditor.gaps.size(), 10u);
  EXPECT_EQ(auditor.gaps.front().first, AtSeconds(150));
  EXPECT_EQ(auditor.gaps.back().second, AtSeconds(160));
  for (std::size_t i = 1; i < auditor.gaps.size(); ++i) {
    EXPECT_EQ(auditor.gaps[i].first, auditor.gaps[i - 1].second);
  }
  EXPECT_GT(result.honest().lost, 20u);
  EXPECT_LT(result.honest_good_share(), 0.95);
}

TEST(Presets, AllRunAndSayWhoTheyAre) {
  for (const Preset& preset : Presets()) {
    Scenario scenario = preset.make({.seed = 1, .engine = {}, .load = 0, .trace = nullptr});
    scenario.length = std::chrono::seconds(20);
    scenario.warm_up = std::chrono::seconds(5);
    for (Attack& attack : scenario.attacks) {
      attack.start = AtSeconds(8);
      attack.end = AtSeconds(16);
    }
    for (Fault& fault : scenario.faults) {
      fault.start = AtSeconds(8);
      fault.end = AtSeconds(16);
    }
    for (FlashCrowd& crowd : scenario.crowds) crowd.start = AtSeconds(8);
    const SimulationResult result = Simulate(scenario);
    EXPECT_GT(result.requests, 20u) << preset.name;
    EXPECT_EQ(FindPreset(preset.name), &preset);
  }
  EXPECT_EQ(FindPreset("nothing"), nullptr);
}

TEST(SimulationReport, PageHasARowARunAndNoScript) {
  const Scenario scenario = SmallDay(12);
  std::vector<SimulationRun> runs(1);
  runs[0] = {.scenario = "a<b",
             .seed = 12,
             .door = scenario.door,
             .load = 0,
             .result = Simulate(scenario)};
  const std::string html = RunsToHtml(runs);
  EXPECT_NE(html.find("a&lt;b"), std::string::npos);
  EXPECT_NE(html.find("<svg"), std::string::npos);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_NE(RunsToText(runs).find("guard"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::drill
