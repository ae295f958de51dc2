// Reports of simulations: JSON for machines, a page with charts for people, a line for a terminal.
// Pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "drill/result.h"
#include "drill/scenario.h"
#include "json/json.h"

namespace holdfast::drill {

// One run of a comparison.
struct SimulationRun {
  std::string scenario;
  std::uint64_t seed = 0;
  DoorKind door = DoorKind::kGuard;
  double load = 0;  // Multiple of capacity, where the comparison is over loads; else 0.
  SimulationResult result;
};

json::Object RunToJson(const SimulationRun& run);
std::string RunsToJson(std::span<const SimulationRun> runs);
std::string RunsToHtml(std::span<const SimulationRun> runs);
std::string RunsToText(std::span<const SimulationRun> runs);

}  // namespace holdfast::drill
