// holdfast chat [--model DIR|FILE | --url URL]: a conversation in the terminal.
#include <memory>

#include <CLI/CLI.hpp>

#include "holdfast/service_options.h"
#include "holdfast/verbs.h"
#include "server/terminal_chat.h"

namespace holdfast {

void AddChat(CLI::App& app, int& exit_code) {
  struct Options : ServiceOptions {
    server::TerminalChatOptions chat;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("chat", "Talk to a model in the terminal");
  AddServiceOptions(*verb, *options);
  CLI::Option* model = verb->add_option("--model", options->model, "Run this model for the talk");
  verb->add_option("--url", options->chat.url, "Talk to this server, http://HOST:PORT")
      ->excludes(model);
  verb->add_option("--system", options->chat.system, "What the model is told first");
  verb->add_option("--max-tokens", options->chat.max_tokens, "Limit of each answer")
      ->check(CLI::PositiveNumber);
  verb->add_option("--temperature", options->chat.temperature, "0: always the likeliest word")
      ->check(CLI::Range(0.0, 2.0));
  verb->callback([options, &exit_code] {
    exit_code = RunService(*options, "chat", [&](server::Config& config) {
      return server::RunTerminalChat(config, options->chat);
    });
  });
}

}  // namespace holdfast
