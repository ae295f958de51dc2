// holdfast train RECIPE.toml: trains a model, with checkpoints, ledger and report. SIGTERM and
// SIGINT write a checkpoint and end; SIGUSR1 starts the current stage's decay.
#include <atomic>
#include <csignal>
#include <memory>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "holdfast/verbs.h"
#include "json/json.h"
#include "trainer/training_run.h"

namespace holdfast {
namespace {

// Signal handlers can reach nothing else.
std::atomic<bool> stop_asked{false};
std::atomic<bool> decay_asked{false};

void AskStop(int) { stop_asked.store(true); }
void AskDecay(int) { decay_asked.store(true); }

}  // namespace

void AddTrain(CLI::App& app, int& exit_code) {
  CLI::App* train = app.add_subcommand("train", "Train a model from a recipe");
  auto options = std::make_shared<trainer::TrainingRunOptions>();
  train->add_option("recipe", options->recipe, "TOML file")->required();
  train->add_option("--data", options->data, "Folder made by 'data prepare'")->required();
  train->add_option("--out", options->out, "Folder of the run")->required();
  train->add_flag("--resume", options->resume, "Go on from the newest checkpoint");
  train->add_option("--steps", options->steps_max, "Stop after so many steps; 0: run to the end");
  train->add_flag("--decay-now", options->decay_now, "Start the current stage's decay at once");
  train->callback([options, &exit_code] {
    options->stop = &stop_asked;
    options->decay = &decay_asked;
    std::signal(SIGTERM, AskStop);
    std::signal(SIGINT, AskStop);
    std::signal(SIGUSR1, AskDecay);
    const auto ledger = trainer::RunTraining(*options);
    if (!ledger) {
      log::error("train: {}", ledger.error().message);
      exit_code = 1;
      return;
    }
    log::info("ledger: {}", json::Write(*ledger));
  });
}

}  // namespace holdfast
