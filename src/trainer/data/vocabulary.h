// Vocabulary: from learned merges to the files of a tokenizer. Ids: special tokens first, then the
// 256 bytes, then one token a merge. The files are Hugging Face's tokenizer.json and
// tokenizer_config.json with DeepSeek-V3's pre-tokenizer and chat template, so that other tools
// read them as our tokenizer room does. Free functions; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "trainer/data/bpe_trainer.h"

namespace holdfast::trainer {

inline constexpr std::int32_t kSpecialTokenCount = 32;
inline constexpr std::int32_t kBosId = 0;
inline constexpr std::int32_t kEosId = 1;
inline constexpr std::int32_t kPadId = 2;
inline constexpr std::int32_t kUserId = 3;
inline constexpr std::int32_t kAssistantId = 4;

// Texts of the special tokens by id.
const std::array<std::string, kSpecialTokenCount>& SpecialTokens();

struct TokenizerFiles {
  std::string tokenizer_json;
  std::string tokenizer_config_json;
};

// `model_max_length`: tokens of context that the configuration states.
[[nodiscard]] Result<TokenizerFiles> MakeTokenizerFiles(const BpeMerges& merges,
                                                        std::int64_t model_max_length);

}  // namespace holdfast::trainer
