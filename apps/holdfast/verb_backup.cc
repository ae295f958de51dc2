// holdfast backup FILE: all that lasts but the instance key, while the service runs.
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
  TRY_ASSIGN(const server::BackupSummary summary, server::MakeBackup(config, file));
  fmt::print(
      "{}: {} rows, {} wrapped keys.\n"
      "The instance key {} is not in it, and nothing sealed can be read without:\n"
      "keep an export of it elsewhere (holdfast keys export).\n",
      file, summary.row_count, summary.key_count, summary.instance_key_id);
  return {};
}

}  // namespace

void AddBackup(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<ServiceOptions>();
  const auto file = std::make_shared<std::string>();
  CLI::App* verb =
      app.add_subcommand("backup", "Write database and key ring into one file; see restore");
  AddServiceOptions(*verb, *options);
  verb->add_option("file", *file, "A file that is not there yet")->required();
  verb->callback([options, file, &exit_code] {
    exit_code =
        RunService(*options, "backup", [&](server::Config& config) { return Run(config, *file); });
  });
}

}  // namespace holdfast
