// How many requests does the simulator run in a second of CPU time? One thread; the best of several
// runs of each case, since other work on the machine only ever slows one down.
//
//   simulation_bench [REPEATS]
#include <algorithm>
#include <cstdlib>
#include <ctime>

#include <fmt/format.h>

#include "drill/presets.h"
#include "drill/simulation.h"

namespace holdfast::bench {
namespace {

struct Case {
  const char* scenario;
  double load;  // 0: the scenario's own.
};
constexpr Case kCases[] = {{"overload", 20}, {"flood", 50}, {"flood", 500}, {"naive_retries", 20}};

void Run(const Case& which, drill::DoorKind door, int repeats) {
  drill::Scenario scenario =
      drill::FindPreset(which.scenario)
          ->make({.seed = 1, .engine = {}, .load = which.load, .trace = nullptr});
  scenario.door = door;
  double best = 0;
  std::uint64_t requests = 0;
  for (int i = 0; i < repeats; ++i) {
    const std::clock_t begin = std::clock();
    requests = drill::Simulate(scenario).requests;
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    best = std::max(best, static_cast<double>(requests) / seconds);
  }
  fmt::print("{:<14} {:>4}x  {:<15} {:>9} requests {:>10.0f} /s\n", which.scenario, which.load,
             drill::DoorKindWord(door), requests, best);
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  using namespace holdfast;
  const int repeats = argc > 1 ? std::clamp(std::atoi(argv[1]), 1, 1000) : 3;
  for (const bench::Case& which : bench::kCases) {
    bench::Run(which, drill::DoorKind::kGuard, repeats);
    bench::Run(which, drill::DoorKind::kFifo, repeats);
  }
  return 0;
}
