// holdfast engine --model DIR|FILE [--listen unix:PATH|HOST:PORT]: serves a model as an
// OpenAI-compatible server.
#include <memory>

#include <CLI/CLI.hpp>

#include "holdfast/service_options.h"
#include "holdfast/verbs.h"
#include "server/engine_process.h"

namespace holdfast {

void AddEngine(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<ServiceOptions>();
  CLI::App* verb = app.add_subcommand("engine", "Serve a model as an OpenAI-compatible server");
  AddServiceOptions(*verb, *options);
  verb->add_option("--model", options->model, "GGUF file or Hugging Face directory");
  verb->add_option("--name", options->name, "The model's id in the API");
  verb->add_option("--listen", options->listen, "unix:PATH or HOST:PORT");
  verb->callback([options, &exit_code] {
    exit_code = RunService(*options, "engine", [&](server::Config& config) {
      if (!options->listen.empty()) config.engine.listen = options->listen;
      return server::RunEngine(config);
    });
  });
}

}  // namespace holdfast
