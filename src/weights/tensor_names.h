// The two names every tensor of the architecture has: Hugging Face's and GGUF's. A layer's tensor
// is "model.layers.N.<stem>.weight" here and "blk.N.<stem>.weight" there; the expert matrices of a
// layer are one tensor in GGUF, and N tensors in Hugging Face. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::weights {

// The GGUF name of a Hugging Face tensor; nullopt for names outside the architecture and for single
// experts (see MergedExpertName).
std::optional<std::string> GgufName(std::string_view hf_name);

// The Hugging Face name of a GGUF tensor; nullopt for names outside the architecture and for merged
// experts.
std::optional<std::string> HfName(std::string_view gguf_name);

// "blk.3.ffn_up_exps.weight" -> layer 3, "up_proj".
struct MergedExperts {
  std::int64_t layer = 0;
  std::string_view projection;
};
std::optional<MergedExperts> ParseMergedExperts(std::string_view gguf_name);

// "model.layers.3.mlp.experts.7.up_proj.weight".
std::string ExpertName(std::int64_t layer, std::int64_t expert, std::string_view projection);
// "blk.3.ffn_up_exps.weight".
std::string MergedExpertName(std::int64_t layer, std::string_view projection);

}  // namespace holdfast::weights
