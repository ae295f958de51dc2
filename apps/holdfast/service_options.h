// The options that the service's verbs share, and how they become a configuration. Main thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "base/result.h"
#include "server/config.h"

namespace holdfast {

struct ServiceOptions {
  std::string config_path;
  std::string model;
  std::string name;
  std::string listen;
  std::string engine;
};

// Exit codes. A supervisor does not start again what ended with kExitConfig.
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitConfig = 78;  // EX_CONFIG of sysexits.h.

void AddServiceOptions(CLI::App& verb, ServiceOptions& options);

// Reads the configuration, applies --model and --name, names the process in the log, and calls
// `body`. Returns the exit code.
int RunService(const ServiceOptions& options, std::string_view process,
               const std::function<Result<void>(server::Config&)>& body);

}  // namespace holdfast
