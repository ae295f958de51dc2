// holdfast: one binary, one verb a task. Each verb is a file of its own (verb_*.cc).
#include <CLI/CLI.hpp>

#include "base/core_dumps.h"
#include "base/log.h"
#include "holdfast/service_options.h"
#include "holdfast/verbs.h"
#include "sandbox/child.h"
#include "server/sandbox_jobs.h"

int main(int argc, char** argv) {
  // Started by our own gateway for one uploaded file, and not for a person.
  if (holdfast::sandbox::IsChild(argc, argv)) {
    holdfast::sandbox::RunChild(argv, holdfast::server::kSandboxJobs);
  }
  holdfast::SwitchOffCoreDumps();
  CLI::App app{"Holdfast: an AI assistant service that stays up and says why it did not."};
  app.require_subcommand(1);
  app.set_version_flag("--version", HOLDFAST_VERSION);
  holdfast::log::Init("holdfast");
  int exit_code = 0;
  for (const holdfast::Verb& verb : holdfast::kVerbs) verb.add(app, exit_code);
  const auto is_named = [&](const CLI::App* verb) { return verb->check_name(argv[1]); };
  if (argc > 1 && argv[1][0] != '-' && app.get_subcommands(is_named).empty()) {
    holdfast::log::error("no verb '{}'; holdfast --help lists them", argv[1]);
    return holdfast::kExitUsage;
  }
  CLI11_PARSE(app, argc, argv);
  return exit_code;
}
