// Matrix product with stored weights: y = x W^T. The seam between models and instruction sets:
// a PackedMatrix holds the weight in the layout the chosen kernels like best, and MatMul runs them.
//
// One order of accumulation along K for every number of rows of x, so a row's result is the same
// bits whether it is computed alone (decode) or among many (prefill): batch invariance.
// PackedMatrix is immutable after Pack, thread-safe. MatMul is called by the pool's owner.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "parallel/thread_pool.h"
#include "tensor/tensor_view.h"

namespace holdfast::kernels {

class PackedMatrix;
class WeightArena;
namespace internal {
struct KernelTable;
Result<PackedMatrix> PackFor(const tensor::TensorView& weight, const KernelTable* table,
                             WeightArena* arena, parallel::ThreadPool& pool);
}  // namespace internal

struct PackOptions {
  // Plain loops over dequantized values, f32 activations, for tests and doubt.
  bool reference = false;
  // Where the packed weight goes; it must outlive the matrix. Null: memory of its own.
  WeightArena* arena = nullptr;
};

class PackedMatrix {
 public:
  // `weight`: [out, in] of any float or quantized dtype (FP8 with block_scale). Copies and
  // interleaves what the kernels read, in parallel; the reference products keep a pointer into
  // `weight`, which must then outlive this. Errors: kUnsupported (a dtype or shape no kernel
  // takes), kCorrupt (NaN in FP8).
  [[nodiscard]] static Result<PackedMatrix> Pack(const tensor::TensorView& weight,
                                                 const PackOptions& options,
                                                 parallel::ThreadPool& pool);
  PackedMatrix();
  PackedMatrix(PackedMatrix&&) noexcept;
  PackedMatrix& operator=(PackedMatrix&&) noexcept;
  ~PackedMatrix();

  std::int64_t out() const;   // Rows of W, width of y.
  std::int64_t in() const;    // Columns of W, width of x.
  std::size_t bytes() const;  // Memory read per full pass.

  struct State;
  const State* state() const { return state_.get(); }

 private:
  friend Result<PackedMatrix> internal::PackFor(const tensor::TensorView& weight,
                                                const internal::KernelTable* table,
                                                WeightArena* arena, parallel::ThreadPool& pool);
  std::unique_ptr<State> state_;
};

// One product: y[t, 0..out) = x[t, 0..in) W^T for t in [0, rows). Strides in floats.
// `row_index`, if given, gathers: x row of t is row_index[t].
struct MatMulJob {
  const PackedMatrix* weight = nullptr;
  const float* x = nullptr;
  std::int64_t x_stride = 0;
  float* y = nullptr;
  std::int64_t y_stride = 0;
  std::int64_t rows = 0;
  const std::int32_t* row_index = nullptr;
};

// Runs all jobs (several weights of one input, or all experts of a layer) with one start of the
// pool, so small ones share the workers.
void MatMul(std::span<const MatMulJob> jobs, parallel::ThreadPool& pool);

}  // namespace holdfast::kernels
