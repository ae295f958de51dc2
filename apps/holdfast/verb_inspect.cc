// holdfast inspect MODEL [--json]: prints architecture, parameter counts, tensors, types, sizes and
// the bytes that one decoded token reads.
#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "holdfast/verbs.h"
#include "weights/inspect.h"

namespace holdfast {

void AddInspect(CLI::App& app, int& exit_code) {
  struct Options {
    std::string model;
    bool wants_json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("inspect", "Print a model's architecture, tensors, types and sizes");
  verb->add_option("MODEL", options->model, "Hugging Face directory, .gguf or .safetensors file")
      ->required();
  verb->add_flag("--json", options->wants_json, "Print one JSON object");
  verb->callback([options, &exit_code] {
    const auto checkpoint = weights::Checkpoint::Open(options->model);
    if (!checkpoint) {
      log::error("{}", checkpoint.error().message);
      exit_code = 1;
      return;
    }
    const weights::ModelSummary summary = weights::Inspect(**checkpoint);
    const std::string text = options->wants_json ? json::Write(weights::SummaryJson(summary)) + "\n"
                                                 : weights::SummaryText(summary);
    std::fwrite(text.data(), 1, text.size(), stdout);
  });
}

}  // namespace holdfast
