// Presets: the scenarios of `holdfast drill simulate`, by name. Each is an ordinary day of people
// and programs at about three fifths of what the engine can do, and something that happens to it.
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "drill/scenario.h"
#include "drill/traces.h"

namespace holdfast::drill {

struct PresetOptions {
  std::uint64_t seed = 1;
  verdict::EngineProfile engine;
  double load = 0;  // Size of what happens, as a multiple of capacity; 0: the preset's own.
  Trace trace;      // Lengths and arrivals to replay; null: laws fitted to real ones.
};

struct Preset {
  std::string_view name;
  std::string_view what;  // One line for a list.
  Scenario (*make)(const PresetOptions& options);
};

std::span<const Preset> Presets();
const Preset* FindPreset(std::string_view name);

// What the engine sustains of requests as long as these, a second: measured on its model.
double CapacityFor(const PresetOptions& options);

// Honest requests alone, open loop, at `load` times the capacity: one point of a goodput curve.
Scenario OverloadScenario(const PresetOptions& options, double load, const RetryLaw& retries);

}  // namespace holdfast::drill
