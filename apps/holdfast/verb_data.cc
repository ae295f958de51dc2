// holdfast data prepare CONFIG --corpora DIR --out DIR: from corpora to token shards, tokenizer and
// manifest.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/log.h"
#include "holdfast/verbs.h"
#include "trainer/data/prepare.h"

namespace holdfast {

void AddData(CLI::App& app, int& exit_code) {
  CLI::App* data = app.add_subcommand("data", "Prepare training data");
  data->require_subcommand(1);
  CLI::App* prepare =
      data->add_subcommand("prepare", "Corpora to token shards, tokenizer and manifest");
  auto options = std::make_shared<trainer::PrepareOptions>();
  prepare->add_option("config", options->config, "TOML file that lists sources and templates")
      ->required();
  prepare->add_option("--corpora", options->corpora, "Folder of the sources' files")->required();
  prepare->add_option("--out", options->out, "Folder to write to")->required();
  prepare->add_option("--tokenizer", options->tokenizer,
                      "Folder with a tokenizer.json to use instead of learning one");
  prepare->add_flag("--finetune-only", options->is_finetune_only,
                    "Write the fine-tuning shards alone (needs --tokenizer)");
  prepare->add_option("--threads", options->thread_count, "Worker threads; 0: one per CPU")
      ->check(CLI::Range(0, 1024));
  prepare->callback([options, &exit_code] {
    options->progress = [](const std::string& line) { log::info("{}", line); };
    if (const auto manifest = trainer::PrepareData(*options); !manifest) {
      log::error("data prepare: {}", manifest.error().message);
      exit_code = 1;
    }
  });
}

}  // namespace holdfast
