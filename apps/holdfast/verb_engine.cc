// holdfast engine --model DIR|FILE [--listen unix:PATH|HOST:PORT]: serves a model as an
// OpenAI-compatible server. `holdfast engine status [--json]`: prints the pool of engines of the
// gateway on this machine.
#include <memory>

#include <CLI/CLI.hpp>

#include "holdfast/service_options.h"
#include "holdfast/verbs.h"
#include "server/engine_process.h"
#include "server/engine_status.h"

namespace holdfast {

void AddEngine(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<ServiceOptions>();
  CLI::App* verb = app.add_subcommand("engine", "Serve a model as an OpenAI-compatible server");
  AddServiceOptions(*verb, *options);
  verb->add_option("--model", options->model, "GGUF file or Hugging Face directory");
  verb->add_option("--name", options->name, "The model's id in the API");
  verb->add_option("--listen", options->listen, "unix:PATH or HOST:PORT");

  const auto as_json = std::make_shared<bool>(false);
  CLI::App* status = verb->add_subcommand("status", "Print the engines of the gateway here");
  AddServiceOptions(*status, *options);
  status->add_option("--gateway", options->listen, "HOST:PORT of the gateway");
  status->add_flag("--json", *as_json, "As the gateway says it");
  status->callback([options, as_json, &exit_code] {
    exit_code = RunService(*options, "engine", [&](server::Config& config) {
      if (!options->listen.empty()) config.gateway.listen = options->listen;
      return server::PrintEngineStatus(config, *as_json);
    });
  });

  verb->callback([options, status, &exit_code] {
    if (status->parsed()) return;
    exit_code = RunService(*options, "engine", [&](server::Config& config) {
      if (!options->listen.empty()) config.engine.listen = options->listen;
      return server::RunEngine(config);
    });
  });
}

}  // namespace holdfast
