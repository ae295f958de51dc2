// Batch: the slices of one forward pass laid out row after row, with what every layer needs of
// them: positions, rotary angles, cache places. Scratch: the pass's reusable buffers. Both are made
// and used by the thread that runs Model::Forward; workers read and write disjoint rows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/rope.h"
#include "model/config.h"
#include "model/model.h"
#include "tensor/aligned_buffer.h"

namespace holdfast::model {

// A slice's rows within the batch.
struct BatchSlice {
  std::int64_t row_begin = 0;
  std::int64_t row_count = 0;
  std::int64_t start = 0;  // Absolute position of the first row.
  std::span<const BlockId> block_table;
  bool is_expanded = false;  // Attention's form for this slice.

  std::int64_t End() const { return start + row_count; }
};

struct Batch {
  std::int64_t rows = 0;
  std::vector<std::int32_t> tokens;     // [rows]
  std::vector<std::int32_t> positions;  // [rows]
  std::vector<std::int32_t> slice_of;   // [rows]
  std::vector<float> cos, sin;          // [rows, qk_rope_head_dim / 2]
  std::vector<BatchSlice> slices;
};

// CHECKs every slice against the model and the cache. `expanded_rows_min`: slices of at least that
// many rows use the expanded form.
Batch MakeBatch(std::span<const Slice> slices, const ModelConfig& config,
                const kernels::RopeTable& rope, const LatentCache& cache,
                std::int64_t expanded_rows_min);

// A buffer that only grows. Contents are lost when it does.
template <typename T>
class Scratch {
 public:
  T* Get(std::int64_t count) {
    if (static_cast<std::int64_t>(buffer_.size()) < count) {
      buffer_ = {};
      buffer_ = tensor::AlignedBuffer<T>(static_cast<std::size_t>(count));
    }
    return buffer_.data();
  }

 private:
  tensor::AlignedBuffer<T> buffer_;
};

}  // namespace holdfast::model
