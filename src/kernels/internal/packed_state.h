// What a PackedMatrix holds. Private to the products; immutable after Pack.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/internal/kernel_table.h"
#include "kernels/matmul.h"
#include "kernels/weight_arena.h"
#include "tensor/aligned_buffer.h"
#include "tensor/tensor_view.h"

namespace holdfast::kernels {

struct PackedMatrix::State {
  std::int64_t out = 0;
  std::int64_t in = 0;
  std::size_t bytes = 0;
  tensor::TensorView view;  // As stored; the data are read by the reference products alone.

  // Null: reference products.
  const internal::KernelTable* table = nullptr;
  std::int64_t units = 0;
  std::size_t tile_bytes = 0;
  const std::byte* tiles = nullptr;
  tensor::AlignedBuffer<std::byte> own_tiles;  // Holds them when the caller gave no arena.
};

namespace internal {

// Pack for a given table. For tests; Pack takes the best.
[[nodiscard]] Result<PackedMatrix> PackFor(const tensor::TensorView& weight,
                                           const KernelTable* table, WeightArena* arena,
                                           parallel::ThreadPool& pool);

}  // namespace internal
}  // namespace holdfast::kernels
