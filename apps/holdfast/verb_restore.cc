// holdfast restore FILE: a backup into a state folder and a database that hold nothing yet.
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "holdfast/service_options.h"
#include "holdfast/verbs.h"
#include "server/backup.h"

namespace holdfast {
namespace {

Result<void> Run(const server::Config& config, const std::string& file) {
  TRY_ASSIGN(const server::BackupSummary summary, server::RestoreBackup(config, file));
  fmt::print("Restored {} rows and {} wrapped keys.\n", summary.row_count, summary.key_count);
  if (summary.has_instance_key) {
    fmt::print("The instance key {} is in its place.\n", summary.instance_key_id);
    return {};
  }
  fmt::print(
      "The instance key {} must be put back before the service starts and can read\n"
      "conversations: holdfast keys import FILE, with the export of it.\n",
      summary.instance_key_id);
  return {};
}

}  // namespace

void AddRestore(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<ServiceOptions>();
  const auto file = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("restore", "Put a backup into an empty state folder");
  AddServiceOptions(*verb, *options);
  verb->add_option("file", *file, "What holdfast backup wrote")->required();
  verb->callback([options, file, &exit_code] {
    exit_code =
        RunService(*options, "restore", [&](server::Config& config) { return Run(config, *file); });
  });
}

}  // namespace holdfast
