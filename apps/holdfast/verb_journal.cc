// holdfast journal print|check DIR: what the gateway wrote of the traffic at its door.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/log.h"
#include "holdfast/verbs.h"
#include "journal/check.h"
#include "journal/folder_watch.h"
#include "journal/reader.h"
#include "journal/text.h"

namespace holdfast {
namespace {

constexpr std::chrono::seconds kLookAgain{1};  // Where nothing tells of a change.

struct JournalOptions {
  std::string folder;
  bool is_json = false;
  bool follows = false;
};

void AddFolder(CLI::App& verb, JournalOptions& options) {
  verb.add_option("dir", options.folder, "The folder: journal/ in up.state_dir")->required();
}

// False: nobody takes the output any more.
bool PrintRows(const std::vector<journal::Row>& rows, bool is_json) {
  for (const journal::Row& row : rows) {
    const std::string line = is_json ? journal::ToJson(row) : journal::ToText(row);
    if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size()) return false;
    if (std::fputc('\n', stdout) == EOF) return false;
  }
  return std::fflush(stdout) == 0;
}

Result<void> Print(const JournalOptions& options) {
  TRY_ASSIGN(journal::FolderWatch watch, journal::FolderWatch::Open(options.folder));
  journal::Reader reader(options.folder);
  std::vector<journal::Row> rows;
  while (true) {
    rows.clear();
    TRY_ASSIGN(const std::size_t count, reader.Read(rows));
    if (!PrintRows(rows, options.is_json)) return {};
    if (count > 0) continue;
    if (!options.follows) return {};
    watch.Wait(kLookAgain);
  }
}

Result<bool> Check(const JournalOptions& options) {
  TRY_ASSIGN(const journal::CheckReport report, journal::CheckFolder(options.folder));
  fmt::print(
      "{} segments, {} blocks, {} rows, {} bytes; {} gaps, in which {} rows are known to be "
      "lost\n",
      report.segments, report.blocks, report.rows, report.bytes, report.gaps, report.rows_lost);
  if (report.fault) fmt::print("not sound: {}\n", *report.fault);
  return !report.fault;
}

int ExitCode(const Result<bool>& result) {
  if (!result) log::error("{}", result.error().message);
  return result.value_or(false) ? 0 : 1;
}

}  // namespace

void AddJournal(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<JournalOptions>();
  CLI::App* verb = app.add_subcommand("journal", "Print or check the journal of the traffic");
  verb->require_subcommand(1);
  CLI::App* print = verb->add_subcommand("print", "Print its rows, the oldest first");
  AddFolder(*print, *options);
  print->add_flag("--json", options->is_json, "One JSON object a line");
  print->add_flag("--follow", options->follows, "Go on with what comes");
  print->callback([options, &exit_code] {
    const Result<void> printed = Print(*options);
    exit_code = ExitCode(printed ? Result<bool>(true) : Result<bool>(Fail(printed.error())));
  });
  CLI::App* check = verb->add_subcommand(
      "check", "Check all of it; exit status 1 with the first block that is not sound");
  AddFolder(*check, *options);
  check->callback([options, &exit_code] { exit_code = ExitCode(Check(*options)); });
}

}  // namespace holdfast
