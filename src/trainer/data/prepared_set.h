// Prepared sets: the documents of one source or template group after checking, deduplication and
// the held-out split, with the counts that the manifest tells. Free functions; thread-compatible.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "trainer/data/corpus_reader.h"
#include "trainer/data/prepare_config.h"

namespace holdfast::trainer {

struct PreparedSet {
  std::string name;
  double pretrain_epochs = 0;
  double finetune_epochs = 0;
  ChatRules rules;
  std::vector<Document> train;
  std::vector<Document> heldout;
  json::Object manifest;  // Name, file, licence, checksum, counts.
};

// Reads the source's file below `corpora` and compares size and SHA-256 with the configuration.
// Errors: kNotFound, kCorrupt.
[[nodiscard]] Result<PreparedSet> LoadSource(const SourceConfig& source,
                                             const std::filesystem::path& corpora,
                                             const PrepareConfig& config, Deduplicator& dedup);

// Reads the template files in `folder` and draws the chats.
[[nodiscard]] Result<PreparedSet> LoadTemplates(const TemplatesConfig& templates,
                                                const std::filesystem::path& folder,
                                                const PrepareConfig& config);

// The part of a chat that is shown in fine-tuning, by the rules; without messages when it is not.
Document CutForFinetune(const Document& chat, const ChatRules& rules);

// Whether a document belongs to the held-out part: a fixed share by the hash of its normalised
// text, so that it stays there whatever else the corpora hold.
bool IsHeldout(std::string_view text, double share);

}  // namespace holdfast::trainer
