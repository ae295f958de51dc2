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

struct BackupOptions {
  ServiceOptions service;
  std::string file;
  int keep_days = 30;
};

Result<void> Run(const server::Config& config, const BackupOptions& options) {
  const std::string& file = options.file;
  TRY_ASSIGN(const server::BackupSummary summary,
             server::MakeBackup(config, file, options.keep_days));
  fmt::print(
      "{}: {} rows, {} wrapped keys.\n"
      "The instance key {} is not in it, and nothing sealed can be read without:\n"
      "keep an export of it elsewhere (holdfast keys export).\n",
      file, summary.row_count, summary.key_count, summary.instance_key_id);
  return {};
}

}  // namespace

void AddBackup(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<BackupOptions>();
  CLI::App* verb =
      app.add_subcommand("backup", "Write database and key ring into one file; see restore");
  AddServiceOptions(*verb, options->service);
  verb->add_option("file", options->file, "A file that is not there yet")->required();
  constexpr int kDaysMax = 36'500;
  verb->add_option("--keep-days", options->keep_days,
                   "After so many days you delete it; people who leave are told")
      ->capture_default_str()
      ->check(CLI::Range(1, kDaysMax));
  verb->callback([options, &exit_code] {
    exit_code = RunService(options->service, "backup",
                           [&](server::Config& config) { return Run(config, *options); });
  });
}

}  // namespace holdfast
