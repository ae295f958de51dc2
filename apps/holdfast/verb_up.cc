// holdfast up [--model DIR|FILE] [--listen HOST:PORT]: runs engine and gateway, and runs them again
// when they die.
#include <memory>

#include <CLI/CLI.hpp>

#include "holdfast/service_options.h"
#include "holdfast/verbs.h"
#include "server/supervisor.h"

namespace holdfast {

void AddUp(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<ServiceOptions>();
  CLI::App* verb = app.add_subcommand("up", "Run the whole service: engine and gateway");
  AddServiceOptions(*verb, *options);
  verb->add_option("--model", options->model, "GGUF file or Hugging Face directory");
  verb->add_option("--name", options->name, "The model's id in the API");
  verb->add_option("--listen", options->listen, "HOST:PORT of the gateway");
  verb->callback([options, &exit_code] {
    exit_code = RunService(*options, "up", [&](server::Config& config) {
      if (!options->listen.empty()) config.gateway.listen = options->listen;
      return server::RunSupervisor(config, options->config_path);
    });
  });
}

}  // namespace holdfast
