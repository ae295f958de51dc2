// A model's description in its two forms: the deepseek2.* metadata of a GGUF file and the object of
// a config.json; likewise the tokenizer. Pure functions; thread-safe.
#pragma once

#include <string_view>

#include "base/result.h"
#include "json/json.h"
#include "weights/checkpoint.h"
#include "weights/gguf_reader.h"

namespace holdfast::weights {

// Our own key: YaRN's mscale where it differs from mscale_all_dim, which GGUF takes to be equal.
inline constexpr std::string_view kMscaleKey = "holdfast.rope.scaling.yarn_mscale";

// Our own key: all end ids, where there are more than the format has keys for.
inline constexpr std::string_view kEndIdsKey = "holdfast.tokenizer.end_token_ids";

// config.json's form of a deepseek2 file. f32 values come as the shortest decimal that gives the
// same f32, so 1e-6 stays 1e-6. Errors: kUnsupported (another architecture or rope scaling),
// kCorrupt (a key missing, of another type or out of range).
[[nodiscard]] Result<json::Object> ConfigFromGguf(const GgufContents& contents,
                                                  std::string_view file_name);

// tokenizer.ggml.*. A file without a tokenizer gives an empty one. Errors: kUnsupported (a
// tokenizer other than byte-level BPE), kCorrupt.
[[nodiscard]] Result<TokenizerSource> TokenizerFromGguf(const GgufMetadata& metadata,
                                                        std::string_view file_name);

struct GgufMetadataOptions {
  std::string_view model_name = {};  // general.name; may be empty.
  std::uint32_t file_type = 0;       // general.file_type, llama.cpp's number for the main type.
  // attn_k_b and attn_v_b apart (what current engines want), or one attn_kv_b.
  bool has_split_kv_b = true;
};

// The inverse: metadata of a GGUF file for `config` and `tokenizer` (GGUF form; left out when it
// has no tokens). `config` states every key in one spelling, as model::WriteModelConfig does;
// config.json as found is not for this. Errors: kInvalidArgument or kUnsupported names the key of
// `config`.
[[nodiscard]] Result<GgufMetadata> MakeGgufMetadata(const json::Object& config,
                                                    const TokenizerSource& tokenizer,
                                                    const GgufMetadataOptions& options);

}  // namespace holdfast::weights
