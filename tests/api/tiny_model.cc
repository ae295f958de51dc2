#include "api/tiny_model.h"

#include <cmath>
#include <cstdint>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "json/json.h"
#include "tokenizer/byte_alphabet.h"

namespace holdfast::testing {
namespace {

constexpr int kHidden = 128;
constexpr int kIntermediate = 256;
constexpr int kLayers = 3;
constexpr int kHeads = 4;
constexpr int kLatentRank = 32;
constexpr int kNope = 16;
constexpr int kRope = 8;
constexpr int kValue = 16;

json::Object Config(int context) {
  json::Object config;
  config["model_type"] = "deepseek_v2";
  config["vocab_size"] = kTinyVocab;
  config["hidden_size"] = kHidden;
  config["intermediate_size"] = kIntermediate;
  config["moe_intermediate_size"] = kIntermediate;
  config["num_hidden_layers"] = kLayers;
  config["num_attention_heads"] = kHeads;
  config["kv_lora_rank"] = kLatentRank;
  config["q_lora_rank"] = nullptr;
  config["qk_nope_head_dim"] = kNope;
  config["qk_rope_head_dim"] = kRope;
  config["v_head_dim"] = kValue;
  config["first_k_dense_replace"] = kLayers;
  config["rms_norm_eps"] = 1e-6;
  config["rope_theta"] = 10000.0;
  config["max_position_embeddings"] = context;
  config["bos_token_id"] = 256;
  config["eos_token_id"] = kTinyEos;
  config["tie_word_embeddings"] = false;
  return config;
}

using Shape = std::vector<std::int64_t>;

std::vector<std::pair<std::string, Shape>> Tensors() {
  std::vector<std::pair<std::string, Shape>> tensors;
  tensors.push_back({"model.embed_tokens.weight", {kTinyVocab, kHidden}});
  for (int layer = 0; layer < kLayers; ++layer) {
    const auto add = [&](const char* name, Shape shape) {
      tensors.push_back({fmt::format("model.layers.{}.{}.weight", layer, name), std::move(shape)});
    };
    add("input_layernorm", {kHidden});
    add("post_attention_layernorm", {kHidden});
    add("self_attn.q_proj", {kHeads * (kNope + kRope), kHidden});
    add("self_attn.kv_a_proj_with_mqa", {kLatentRank + kRope, kHidden});
    add("self_attn.kv_a_layernorm", {kLatentRank});
    add("self_attn.kv_b_proj", {kHeads * (kNope + kValue), kLatentRank});
    add("self_attn.o_proj", {kHidden, kHeads * kValue});
    add("mlp.gate_proj", {kIntermediate, kHidden});
    add("mlp.up_proj", {kIntermediate, kHidden});
    add("mlp.down_proj", {kHidden, kIntermediate});
  }
  tensors.push_back({"model.norm.weight", {kHidden}});
  tensors.push_back({"lm_head.weight", {kTinyVocab, kHidden}});
  return tensors;
}

void WriteSafetensors(const std::filesystem::path& path) {
  std::mt19937 random(1);
  json::Object header;
  std::string data;
  for (const auto& [name, shape] : Tensors()) {
    std::int64_t count = 1;
    for (const std::int64_t dim : shape) count *= dim;
    const std::size_t begin = data.size();
    const bool is_norm = shape.size() == 1;
    const float scale = is_norm ? 0 : 1.0f / std::sqrt(static_cast<float>(shape.back()));
    std::normal_distribution<float> normal;
    for (std::int64_t i = 0; i < count; ++i) {
      const float value = is_norm ? 1.0f : scale * normal(random);
      data.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    json::Object entry;
    entry["dtype"] = "F32";
    entry["shape"] = json::Array(shape.begin(), shape.end());
    entry["data_offsets"] = json::Array{begin, data.size()};
    header[name] = std::move(entry);
  }
  std::string text = json::Write(header);
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), sizeof(length));
  file << text << data;
}

json::Object TokenizerJson() {
  json::Object vocab;
  for (int byte = 0; byte < 256; ++byte) {
    vocab[tokenizer::ToByteAlphabet(std::string(1, static_cast<char>(byte)))] = byte;
  }
  json::Object model;
  model["type"] = "BPE";
  model["vocab"] = std::move(vocab);
  model["merges"] = json::Array{};
  json::Array added;
  const std::pair<int, const char*> specials[] = {{256, "<｜begin▁of▁sentence｜>"},
                                                  {kTinyEos, "<｜end▁of▁sentence｜>"},
                                                  {258, "<｜User｜>"},
                                                  {259, "<｜Assistant｜>"}};
  for (const auto& [id, content] : specials) {
    json::Object token;
    token["id"] = id;
    token["content"] = content;
    token["special"] = true;
    added.emplace_back(std::move(token));
  }
  json::Object byte_level;
  byte_level["type"] = "ByteLevel";
  byte_level["add_prefix_space"] = false;
  byte_level["use_regex"] = false;
  json::Object tokenizer;
  tokenizer["added_tokens"] = std::move(added);
  tokenizer["pre_tokenizer"] = std::move(byte_level);
  tokenizer["model"] = std::move(model);
  return tokenizer;
}

json::Object TokenizerConfig() {
  json::Object config;
  config["bos_token"] = "<｜begin▁of▁sentence｜>";
  config["eos_token"] = "<｜end▁of▁sentence｜>";
  config["add_bos_token"] = true;
  return config;
}

}  // namespace

void WriteTinyModel(const std::filesystem::path& folder, int context) {
  std::ofstream(folder / "config.json") << json::Write(Config(context));
  std::ofstream(folder / "tokenizer.json") << json::Write(TokenizerJson());
  std::ofstream(folder / "tokenizer_config.json") << json::Write(TokenizerConfig());
  WriteSafetensors(folder / "model.safetensors");
}

}  // namespace holdfast::testing
