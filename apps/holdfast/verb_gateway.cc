// holdfast gateway [--listen HOST:PORT] [--engine unix:PATH|HOST:PORT]: serves the web chat and
// relays the public API to an engine.
#include <memory>

#include <CLI/CLI.hpp>

#include "base/freed_memory.h"
#include "holdfast/service_options.h"
#include "holdfast/verbs.h"
#include "server/gateway_process.h"

namespace holdfast {

void AddGateway(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<ServiceOptions>();
  CLI::App* verb =
      app.add_subcommand("gateway", "Serve the web chat and relay the public API to an engine");
  AddServiceOptions(*verb, *options);
  verb->add_option("--listen", options->listen, "HOST:PORT");
  verb->add_option("--engine", options->engine, "unix:PATH or HOST:PORT of the engine");
  verb->callback([options, &exit_code] {
    exit_code = RunService(*options, "gateway", [&](server::Config& config) {
      if (!options->listen.empty()) config.gateway.listen = options->listen;
      if (!options->engine.empty()) config.gateway.engine = options->engine;
      WipeFreedMemory();
      return server::RunGateway(config);
    });
  });
}

}  // namespace holdfast
