// FakeModel: a deterministic stand-in for tests of the engine. Its logits are a hash of the whole
// sequence as the latent cache holds it, read through the block table at every step: a wrong, lost
// or foreign block changes every later token. Stores (token, position) in each cache entry.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/random.h"
#include "model/model.h"

namespace holdfast::engine::testing {

class FakeModel final : public model::Model {
 public:
  static constexpr std::int64_t kVocabSize = 53;
  // A sequence that has seen this token gets logits that are not numbers.
  static constexpr std::int32_t kPoison = kVocabSize - 1;

  FakeModel() {
    config_.vocab_size = kVocabSize;
    config_.num_hidden_layers = 1;
    config_.kv_lora_rank = 1;
    config_.qk_rope_head_dim = 1;
    config_.max_position_embeddings = 4096;
  }

  const model::ModelConfig& config() const override { return config_; }

  void Forward(std::span<const model::Slice> slices, model::LatentCache& cache, float* logits,
               const model::ForwardOptions&) override {
    if (before_forward) before_forward(slices);
    const std::int64_t block_tokens = cache.block_tokens();
    for (const model::Slice& slice : slices) {
      const auto end = slice.start + static_cast<std::int64_t>(slice.tokens.size());
      CHECK(!slice.tokens.empty());
      CHECK(end <= static_cast<std::int64_t>(slice.block_table.size()) * block_tokens);
      for (std::int64_t p = slice.start; p < end; ++p) {
        float* entry = cache.Entry(0, slice.block_table[p / block_tokens], p % block_tokens);
        entry[0] = static_cast<float>(slice.tokens[p - slice.start]);
        entry[1] = static_cast<float>(p);
      }
    }
    // After all writes, so that a block written for two sequences is noticed.
    for (const model::Slice& slice : slices) {
      if (slice.logits == model::Slice::Logits::kNone) continue;
      CHECK(slice.logits == model::Slice::Logits::kLast);
      const auto end = slice.start + static_cast<std::int64_t>(slice.tokens.size());
      History history;
      for (std::int64_t p = 0; p < end; ++p) {
        const float* entry = cache.Entry(0, slice.block_table[p / block_tokens], p % block_tokens);
        CHECK_MSG(entry[1] == static_cast<float>(p), "position {} where {} should be", entry[1], p);
        history.Add(static_cast<std::int32_t>(entry[0]));
      }
      history.WriteLogits({logits, kVocabSize});
      logits += kVocabSize;
    }
  }

  Result<void> ForwardMtp(std::span<const std::int32_t>, float*) override {
    return Fail(ErrorCode::kUnsupported, "the fake model has no MTP module");
  }

  std::size_t MemoryBytes() const override { return 0; }

  // The logits that follow `tokens`, without any cache.
  static std::vector<float> LogitsAfter(std::span<const std::int32_t> tokens) {
    History history;
    for (const std::int32_t token : tokens) history.Add(token);
    std::vector<float> logits(kVocabSize);
    history.WriteLogits(logits);
    return logits;
  }

  // Called at the start of each Forward, by the engine thread.
  std::function<void(std::span<const model::Slice>)> before_forward;

 private:
  struct History {
    std::uint64_t state = 1;
    bool is_poisoned = false;

    void Add(std::int32_t token) {
      state = (state ^ static_cast<std::uint32_t>(token)) * 0x9E3779B97F4A7C15;
      state ^= state >> 29;
      is_poisoned |= token == kPoison;
    }
    void WriteLogits(std::span<float> logits) const {
      for (std::size_t id = 0; id < logits.size(); ++id) {
        logits[id] = static_cast<float>(RandomUnit(state, id) * 8 - 4);
      }
      // The model never chooses the poison itself.
      logits[kPoison] = -30;
      if (is_poisoned) logits[7] = std::numeric_limits<float>::quiet_NaN();
    }
  };

  model::ModelConfig config_;
};

}  // namespace holdfast::engine::testing
