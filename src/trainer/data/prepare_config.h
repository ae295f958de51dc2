// PrepareConfig: what `holdfast data prepare` reads from a TOML file: the sources with licence and
// checksum, the templates, and the settings of deduplication, split and vocabulary. Unknown keys
// are errors. Value types.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trainer/data/deduplicator.h"
#include "trainer/data/dialogue_generator.h"

namespace holdfast::trainer {

// How chats of a source become fine-tuning examples. A chat in which a kept answer breaks a rule
// is left out.
struct ChatRules {
  std::int64_t messages_max = 8;  // The chat is cut after this many, at an answer.
  std::int64_t message_bytes_max = 400;
  bool is_system_dropped = false;
  std::vector<std::string> drop_phrases;  // In lower case; looked for in the answers.
};

struct SourceConfig {
  std::string name;
  std::string file;  // Below the corpora folder; ".zst" is tried as well.
  bool is_chat = false;
  std::string licence;
  std::string origin;       // Repository and commit.
  std::string attribution;  // What the licence asks to be said; may be empty.
  std::string sha256;       // Of the plain file.
  std::int64_t plain_bytes = 0;
  double pretrain_epochs = 0;  // 0: not used in this stage.
  double finetune_epochs = 0;
  ChatRules rules;
};

struct TemplatesConfig {
  std::string name;
  std::vector<std::string> files;  // Beside the configuration file.
  GeneratorOptions generator;
  double pretrain_epochs = 0;
  double finetune_epochs = 0;
};

struct PrepareConfig {
  std::int64_t vocab_size = 4096;
  std::int64_t model_max_length = 1024;
  double heldout_share = 0.005;
  DedupOptions dedup;
  std::vector<SourceConfig> sources;
  std::vector<TemplatesConfig> templates;
};

inline constexpr std::size_t kSourceCountMax = 1000;

// `name` stands in errors. Errors: kInvalidArgument (with line, or the key), kTooLarge.
[[nodiscard]] Result<PrepareConfig> ParsePrepareConfig(std::string_view toml,
                                                       const std::string& name);

}  // namespace holdfast::trainer
