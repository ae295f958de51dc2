#include "holdfast/service_options.h"

#include "base/log.h"

namespace holdfast {

void AddServiceOptions(CLI::App& verb, ServiceOptions& options) {
  verb.add_option("--config", options.config_path, "holdfast.toml; see deploy/holdfast.toml")
      ->check(CLI::ExistingFile);
}

int RunService(const ServiceOptions& options, std::string_view process,
               const std::function<Result<void>(server::Config&)>& body) {
  Result<server::Config> config =
      server::LoadConfig(options.config_path, server::ProcessEnvironment());
  if (!config) {
    log::error("{}", config.error().message);
    return kExitConfig;
  }
  if (!options.model.empty()) config->model.path = options.model;
  if (!options.name.empty()) config->model.name = options.name;
  log::Init(process, spdlog::level::from_str(config->log.level));
  const Result<void> result = body(*config);
  if (result) return 0;
  log::error("{}", result.error().message);
  // What a restart cannot mend: files and settings that are wrong in themselves.
  switch (result.error().code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kCorrupt:
    case ErrorCode::kUnsupported:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kAlreadyExists:
      return kExitConfig;
    default:
      return kExitFailure;
  }
}

}  // namespace holdfast
