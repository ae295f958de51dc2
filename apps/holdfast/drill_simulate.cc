// holdfast drill simulate: a service under load, attack or fault in virtual time, behind the guard
// and behind what others run.
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "drill/engine_profile_file.h"
#include "drill/presets.h"
#include "drill/simulation.h"
#include "drill/simulation_report.h"
#include "holdfast/drill_options.h"
#include "holdfast/drill_verbs.h"
#include "weights/atomic_file.h"

namespace holdfast {
namespace {

constexpr double kGoodputLoads[] = {1, 2, 5, 10, 20};
constexpr const char* kGoodputScenario = "goodput";

struct SimulateOptions {
  std::string scenario = "ordinary";
  std::uint64_t seed = 1;
  double load = 0;
  std::string door = "all";
  std::string trace;
  std::string engine_profile;
  std::string json;
  std::string html;
};

std::vector<drill::DoorKind> DoorsOf(const std::string& name) {
  std::vector<drill::DoorKind> doors;
  for (int i = 0; i < drill::kDoorKindCount; ++i) {
    const auto door = static_cast<drill::DoorKind>(i);
    if (name == "all" || name == drill::DoorKindWord(door)) doors.push_back(door);
  }
  return doors;
}

drill::SimulationRun RunOnce(drill::Scenario scenario, drill::DoorKind door, double load) {
  scenario.door = door;
  return {.scenario = scenario.name,
          .seed = scenario.seed,
          .door = door,
          .load = load,
          .result = drill::Simulate(scenario)};
}

Result<std::vector<drill::SimulationRun>> RunAll(const SimulateOptions& options) {
  drill::PresetOptions preset{
      .seed = options.seed, .engine = {}, .load = options.load, .trace = nullptr};
  TRY_ASSIGN(const drill::IncidentTraffic traffic, ReadTraffic(options.trace));
  preset.trace = traffic.trace;
  if (!options.engine_profile.empty()) {
    TRY_ASSIGN(preset.engine, drill::ReadEngineProfile(options.engine_profile));
  }
  std::vector<drill::SimulationRun> runs;
  for (const drill::DoorKind door : DoorsOf(options.door)) {
    if (options.scenario == kGoodputScenario) {
      for (const double load : kGoodputLoads) {
        runs.push_back(
            RunOnce(drill::OverloadScenario(preset, load, drill::kSdkRetries), door, load));
      }
    } else {
      runs.push_back(
          RunOnce(drill::FindPreset(options.scenario)->make(preset), door, options.load));
    }
  }
  return runs;
}

Result<void> Simulate(const SimulateOptions& options) {
  TRY_ASSIGN(const std::vector<drill::SimulationRun> runs, RunAll(options));
  if (!options.json.empty()) {
    TRY(weights::WriteWholeFile(options.json, drill::RunsToJson(runs)));
  }
  if (!options.html.empty()) {
    TRY(weights::WriteWholeFile(options.html, drill::RunsToHtml(runs)));
  }
  fmt::print("{}", drill::RunsToText(runs));
  return {};
}

}  // namespace

void AddDrillSimulate(CLI::App& drill, int& exit_code) {
  const auto options = std::make_shared<SimulateOptions>();
  std::vector<std::string> scenarios{kGoodputScenario};
  std::string footer = fmt::format(
      "Scenarios:\n  {:<16} goodput at 1, 2, 5, 10 and 20 x capacity\n", kGoodputScenario);
  for (const drill::Preset& preset : drill::Presets()) {
    scenarios.emplace_back(preset.name);
    footer += fmt::format("  {:<16} {}\n", preset.name, preset.what);
  }
  std::vector<std::string> doors{"all"};
  for (int i = 0; i < drill::kDoorKindCount; ++i) {
    doors.emplace_back(drill::DoorKindWord(static_cast<drill::DoorKind>(i)));
  }
  CLI::App* verb = drill.add_subcommand(
      "simulate", "Load, attack or fault in virtual time, beside what others run");
  verb->footer(footer);
  verb->add_option("--scenario", options->scenario, "What happens")
      ->check(CLI::IsMember(scenarios));
  verb->add_option("--seed", options->seed, "The same seed gives the same result, to the bit");
  verb->add_option("--load", options->load, "Size of what happens; left out, the scenario's own")
      ->check(CLI::Range(0.0, 1000.0));
  verb->add_option("--door", options->door, "Who decides at the door")->check(CLI::IsMember(doors));
  AddTraceOption(*verb, options->trace);
  verb->add_option("--engine-profile", options->engine_profile,
                   "How fast the engine is: TOML as engine_profile_bench prints it")
      ->check(CLI::ExistingFile);
  verb->add_option("--json", options->json, "Write everything as JSON to this file");
  verb->add_option("--html", options->html, "Write a page with charts to this file");
  verb->callback([options, &exit_code] { ReportDrill(Simulate(*options), exit_code); });
}

}  // namespace holdfast
