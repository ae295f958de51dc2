#include "drill/simulation.h"

#include <algorithm>
#include <memory>

#include "drill/api_programs.h"
#include "drill/attackers/connection_attack.h"
#include "drill/attackers/extraction.h"
#include "drill/attackers/mimic.h"
#include "drill/attackers/request_flood.h"
#include "drill/attackers/sign_up_flood.h"
#include "drill/attackers/stuffing.h"
#include "drill/flash_crowd.h"
#include "drill/identity.h"
#include "drill/people.h"
#include "drill/trace_replay.h"
#include "drill/world.h"

namespace holdfast::drill {
namespace {

std::unique_ptr<CallerGroup> MakeAttack(const Attack& attack, std::uint64_t name) {
  switch (attack.kind) {
    case CallerKind::kSlowHead:
    case CallerKind::kSlowBody:
    case CallerKind::kSlowRead:
    case CallerKind::kHandshakeFlood:
    case CallerKind::kStreamResets:
      return std::make_unique<ConnectionAttack>(attack, name);
    case CallerKind::kStuffing:
      return std::make_unique<Stuffing>(attack, name);
    case CallerKind::kSignUpFlood:
      return std::make_unique<SignUpFlood>(attack, name);
    case CallerKind::kExtraction:
      return std::make_unique<Extraction>(attack, name);
    case CallerKind::kMimic:
      return std::make_unique<MimicGroup>(attack, name);
    default:
      return std::make_unique<RequestFlood>(attack, name);
  }
}

}  // namespace

SimulationResult Simulate(const Scenario& scenario, Observer* observer) {
  World world(scenario, observer);
  for (std::size_t i = 0; i < scenario.people.size(); ++i) {
    world.Add(std::make_unique<PeopleGroup>(scenario.people[i], GroupName(GroupSort::kPeople, i)));
  }
  for (std::size_t i = 0; i < scenario.crowds.size(); ++i) {
    world.Add(
        std::make_unique<FlashCrowdGroup>(scenario.crowds[i], GroupName(GroupSort::kCrowd, i)));
  }
  for (std::size_t i = 0; i < scenario.programs.size(); ++i) {
    world.Add(
        std::make_unique<ProgramsGroup>(scenario.programs[i], GroupName(GroupSort::kPrograms, i)));
  }
  for (std::size_t i = 0; i < scenario.traces.size(); ++i) {
    world.Add(
        std::make_unique<TraceReplayGroup>(scenario.traces[i], GroupName(GroupSort::kTrace, i)));
  }
  for (std::size_t i = 0; i < scenario.attacks.size(); ++i) {
    world.Add(MakeAttack(scenario.attacks[i], GroupName(GroupSort::kAttack, i)));
  }
  return world.Run();
}

std::vector<float> MeasureDemand(const Scenario& scenario) {
  Scenario alone = scenario;
  alone.causes = {.hostile = false, .demand = true, .lost_capacity = false};
  alone.keep.clear();
  const SimulationResult result = Simulate(alone);
  const auto window_s = static_cast<std::size_t>(
      std::chrono::duration_cast<std::chrono::seconds>(kThinningWindow).count());
  std::vector<float> keep;
  for (std::size_t at = 0; at < result.seconds.size(); at += window_s) {
    const std::size_t end = std::min(at + window_s, result.seconds.size());
    double cost = 0;
    for (std::size_t second = at; second < end; ++second)
      cost += result.seconds[second].honest_cost;
    const double provisioned = scenario.provisioned_cost_per_s * static_cast<double>(end - at);
    const bool is_within = scenario.provisioned_cost_per_s <= 0 || cost <= provisioned;
    keep.push_back(is_within ? 1.0F : static_cast<float>(provisioned / cost));
  }
  return keep;
}

Scenario Counterfactual(const Scenario& scenario, const Causes& causes) {
  Scenario other = scenario;
  other.causes = causes;
  other.keep = causes.demand ? std::vector<float>{} : MeasureDemand(scenario);
  return other;
}

}  // namespace holdfast::drill
