// holdfast admin setup-link | reset-operator NAME: what an operator does on the machine itself.
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "holdfast/service_options.h"
#include "holdfast/verbs.h"
#include "server/admin.h"

namespace holdfast {
namespace {

Result<void> Print(const Result<std::string>& link) {
  TRY_ASSIGN(const std::string text, link);
  fmt::print("{}\n", text);
  return {};
}

}  // namespace

void AddAdmin(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<ServiceOptions>();
  CLI::App* verb = app.add_subcommand("admin", "Operators' tasks on this machine");
  verb->require_subcommand(1);

  CLI::App* link = verb->add_subcommand("setup-link", "Print a link for the first operator");
  AddServiceOptions(*link, *options);
  link->callback([options, &exit_code] {
    exit_code = RunService(*options, "admin", [](server::Config& config) {
      return Print(server::MakeSetUpLink(config));
    });
  });

  const auto name = std::make_shared<std::string>();
  CLI::App* reset = verb->add_subcommand(
      "reset-operator",
      "Take an operator's second factor away, and print a link to a new password");
  AddServiceOptions(*reset, *options);
  reset->add_option("name", *name, "The operator's name")->required();
  reset->callback([options, name, &exit_code] {
    exit_code = RunService(*options, "admin", [&](server::Config& config) {
      return Print(server::ResetOperator(config, *name));
    });
  });
}

}  // namespace holdfast
