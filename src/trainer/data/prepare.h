// Prepare: from a folder of corpora to what a training run reads: checked and deduplicated
// documents, a tokenizer learned from them, token shards of both stages with held-out parts, and
// the provenance manifest. The result depends on the configuration and the corpora alone.
//
//   OUT/tokenizer/tokenizer.json, tokenizer_config.json
//   OUT/shards/NAME.pretrain.tokens, NAME.finetune.tokens          training parts
//   OUT/shards/NAME.pretrain-heldout.tokens, ...                    never trained on
//   OUT/manifest.json
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/result.h"
#include "json/json.h"
#include "trainer/data/prepare_config.h"

namespace holdfast::trainer {

struct PrepareOptions {
  std::filesystem::path config;   // TOML; template files lie beside it.
  std::filesystem::path corpora;  // Folder of the sources' files.
  std::filesystem::path out;      // Made if missing; files in it are replaced.
  // A folder with tokenizer.json to use instead of learning one; empty: learn.
  std::filesystem::path tokenizer;
  // Only the fine-tuning shards, for new templates under an unchanged tokenizer.
  bool is_finetune_only = false;
  int thread_count = 0;                              // 0: one per usable CPU.
  std::function<void(const std::string&)> progress;  // One line a step; may be empty.
};

// Returns the manifest. Errors name the file: kNotFound, kCorrupt (a checksum that differs, bad
// lines), kInvalidArgument (configuration), kIo, kDiskFull.
[[nodiscard]] Result<json::Object> PrepareData(const PrepareOptions& options);

}  // namespace holdfast::trainer
