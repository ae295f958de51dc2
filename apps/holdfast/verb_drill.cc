// holdfast drill: rehearsals, in simulation and over real sockets.
#include <CLI/CLI.hpp>

#include "holdfast/drill_verbs.h"
#include "holdfast/verbs.h"

namespace holdfast {

void AddDrill(CLI::App& app, int& exit_code) {
  CLI::App* drill =
      app.add_subcommand("drill", "Rehearse surges, attacks and faults, in simulation or live");
  drill->require_subcommand(1);
  AddDrillCalibrate(*drill, exit_code);
  AddDrillGenerate(*drill, exit_code);
  AddDrillLive(*drill, exit_code);
  AddDrillScore(*drill, exit_code);
  AddDrillSimulate(*drill, exit_code);
}

}  // namespace holdfast
