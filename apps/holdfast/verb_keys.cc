// holdfast keys export FILE | import FILE | rotate: the instance key, which wraps all others.
#include <cstdio>
#include <functional>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "holdfast/service_options.h"
#include "holdfast/terminal_secret.h"
#include "holdfast/verbs.h"
#include "server/admin.h"
#include "server/instance_keys.h"

namespace holdfast {
namespace {

struct KeysOptions {
  ServiceOptions service;
  std::string file;
  std::string passphrase_file;
};

// A new one is typed twice.
Result<Secret> Passphrase(const KeysOptions& options, bool is_new) {
  if (!options.passphrase_file.empty()) return ReadSecretFile(options.passphrase_file);
  TRY_ASSIGN(Secret passphrase, AskSecret("Passphrase of the export"));
  if (!is_new) return passphrase;
  TRY_ASSIGN(const Secret again, AskSecret("The same again"));
  if (passphrase.Equals(again.Reveal())) return passphrase;
  return Fail(ErrorCode::kInvalidArgument, "the two passphrases differ");
}

Result<void> Export(const server::Config& config, const KeysOptions& options) {
  TRY_ASSIGN(const Secret passphrase, Passphrase(options, true));
  TRY_ASSIGN(const std::string id, server::ExportKey(config, options.file, passphrase));
  fmt::print("{}: the instance key {}. Keep it and its passphrase apart from the data.\n",
             options.file, id);
  return {};
}

Result<void> Import(const server::Config& config, const KeysOptions& options) {
  TRY_ASSIGN(const Secret passphrase, Passphrase(options, false));
  TRY_ASSIGN(const std::string id, server::ImportKey(config, options.file, passphrase));
  fmt::print("The instance key {} is in its place.\n", id);
  return {};
}

Result<void> Rotate(const server::Config& config) {
  TRY_ASSIGN(const server::RotatedKey rotated, server::RotateKey(config));
  fmt::print(
      "The instance key is now {}; {} keys rewrapped.\n"
      "Export it: exports of the key before open only backups made before.\n",
      rotated.id, rotated.summary.rewrapped);
  if (rotated.summary.unreadable > 0) {
    fmt::print("{} keys were damaged before and are lost.\n", rotated.summary.unreadable);
  }
  return {};
}

using Act = std::function<Result<void>(const server::Config&, const KeysOptions&)>;

CLI::App* AddAct(CLI::App& verb, const char* name, const char* help, const Act& act,
                 const std::shared_ptr<KeysOptions>& options, int& exit_code) {
  CLI::App* one = verb.add_subcommand(name, help);
  AddServiceOptions(*one, options->service);
  one->callback([act, options, &exit_code] {
    exit_code = RunService(options->service, "keys",
                           [&](server::Config& config) { return act(config, *options); });
  });
  return one;
}

void AddFileOptions(CLI::App& verb, const char* help, KeysOptions& options) {
  verb.add_option("file", options.file, help)->required();
  verb.add_option("--passphrase-file", options.passphrase_file,
                  "Its first line is the passphrase; without, it is asked for at the terminal");
}

}  // namespace

void AddKeys(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<KeysOptions>();
  CLI::App* verb = app.add_subcommand("keys", "Keep, put back or change the instance key");
  verb->require_subcommand(1);
  AddFileOptions(*AddAct(*verb, "export", "Write the instance key, sealed with a passphrase",
                         Export, options, exit_code),
                 "A file that is not there yet", *options);
  AddFileOptions(*AddAct(*verb, "import", "Put an exported instance key in its place", Import,
                         options, exit_code),
                 "What holdfast keys export wrote", *options);
  AddAct(
      *verb, "rotate", "Change the instance key for a new one; the service may run",
      [](const server::Config& config, const KeysOptions&) { return Rotate(config); }, options,
      exit_code);
}

}  // namespace holdfast
