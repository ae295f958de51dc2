// Checkpoint: a model's weights as stored, one interface over Hugging Face directories
// (config.json, one or many safetensors) and GGUF files of architecture deepseek2. Everything is
// memory-mapped; views borrow from the checkpoint. Immutable after Open, so thread-safe.
//
// Names are Hugging Face's whatever the file ("model.layers.3.mlp.experts.7.up_proj.weight"); a
// GGUF's merged expert tensors are offered expert by expert. A GGUF that holds kv_b split offers
//   model.layers.N.self_attn.k_b_proj.weight  [H, R, nope]  (transposed, as stored)
//   model.layers.N.self_attn.v_b_proj.weight  [H, v, R]
// in place of kv_b_proj.weight [H * (nope + v), R].
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "tensor/tensor_view.h"

namespace holdfast::weights {

struct NamedTensor {
  std::string name;
  tensor::TensorView view;
};

// What a GGUF says of its tokenizer (keys tokenizer.ggml.*), or the text of tokenizer.json and
// tokenizer_config.json of a Hugging Face directory. The tokenizer room turns it into a tokenizer.
struct TokenizerSource {
  std::string tokenizer_json;         // Empty for GGUF.
  std::string tokenizer_config_json;  // May be empty.
  // GGUF form:
  std::vector<std::string> tokens;  // In the byte-to-unicode alphabet.
  std::vector<std::int32_t> token_types;
  std::vector<std::string> merges;  // "left right"
  std::string pre;                  // Pre-tokenizer name: "deepseek-llm", "deepseek-v3", ...
  std::int64_t bos_token_id = -1;
  std::int64_t eos_token_id = -1;
  // Every id that ends a generation, eos_token_id first: those of generation_config.json too.
  std::vector<std::int64_t> eos_token_ids;
  bool add_bos_token = true;
  std::string chat_template;  // Jinja source, or empty.
};

class Checkpoint {
 public:
  // The file or directory that `path` stands for: a folder without config.json for the one GGUF
  // model in it (of one in parts, the first). Errors: kNotFound.
  [[nodiscard]] static Result<std::filesystem::path> Resolve(const std::filesystem::path& path);
  // `path`: a directory, a .gguf file, or a .safetensors file beside its config.json.
  // Errors name the file, the tensor and the limit.
  [[nodiscard]] static Result<std::unique_ptr<Checkpoint>> Open(const std::filesystem::path& path);
  virtual ~Checkpoint() = default;

  // The model's configuration in the form of config.json, translated for GGUF.
  virtual const json::Object& config() const = 0;
  virtual const TokenizerSource& tokenizer() const = 0;
  // "gguf" or "safetensors".
  virtual std::string_view format() const = 0;

  // The tensor of that Hugging Face name; nullopt if there is none.
  virtual std::optional<tensor::TensorView> Find(std::string_view name) const = 0;
  // All tensors as stored, in the file's order and with the file's names.
  virtual const std::vector<NamedTensor>& tensors() const = 0;

  // Like Find, but kNotFound names the tensor and kInvalidArgument a shape other than `shape`.
  [[nodiscard]] Result<tensor::TensorView> Require(std::string_view name,
                                                   const tensor::Shape& shape) const;
};

}  // namespace holdfast::weights
