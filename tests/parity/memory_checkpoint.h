// MemoryCheckpoint: a checkpoint made in memory, for tests that need shapes or types no fixture
// has. Tensors are owned; immutable once filled.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"
#include "tensor/aligned_buffer.h"
#include "weights/checkpoint.h"

namespace holdfast::parity {

class MemoryCheckpoint final : public weights::Checkpoint {
 public:
  explicit MemoryCheckpoint(json::Object config) : config_(std::move(config)) {}

  const json::Object& config() const override { return config_; }
  const weights::TokenizerSource& tokenizer() const override { return tokenizer_; }
  std::string_view format() const override { return "memory"; }
  std::optional<tensor::TensorView> Find(std::string_view name) const override;
  const std::vector<weights::NamedTensor>& tensors() const override { return tensors_; }

  // Rounds `values` to `dtype`.
  void Add(const std::string& name, tensor::DType dtype, const tensor::Shape& shape,
           std::span<const float> values);
  void Remove(std::string_view name);

 private:
  json::Object config_;
  weights::TokenizerSource tokenizer_;
  std::vector<weights::NamedTensor> tensors_;
  std::vector<tensor::AlignedBuffer<std::byte>> owned_;
};

// Random weights for `config` from `seed`: matrices of `dtype` (f32 where a row is not whole
// blocks), vectors of f32.
MemoryCheckpoint RandomCheckpoint(const model::ModelConfig& config, tensor::DType dtype,
                                  std::uint32_t seed);

// The same weights, every tensor dequantized to f32.
MemoryCheckpoint DequantizedTwin(const weights::Checkpoint& source,
                                 std::span<const std::string> names);

// The same weights with kv_b_proj split into k_b_proj (transposed) and v_b_proj, of plain types.
MemoryCheckpoint SplitTwin(const weights::Checkpoint& source, const model::ModelConfig& config);

// Names of all tensors a model of `config` has, MTP included.
std::vector<std::string> TensorNames(const model::ModelConfig& config);

}  // namespace holdfast::parity
