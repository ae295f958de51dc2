// Optimizer: Muon for matrices and AdamW for the rest (embedding, head, norms, router), or AdamW
// for all. Muon in Moonlight's form (arXiv 2502.16982): momentum, orthogonalised by five
// Newton-Schulz steps and scaled by 0.2 * sqrt(max(rows, cols)), so learning rate and decay are
// AdamW's. Each matrix is one task of the pool and its result does not depend on the number of
// threads. Single-threaded apart from the pool it is given.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/bf16.h"
#include "parallel/thread_pool.h"
#include "tensor/aligned_buffer.h"
#include "trainer/parameters.h"

namespace holdfast::trainer {

struct OptimizerOptions {
  enum class Kind : std::uint8_t { kMuon, kAdamW } kind = Kind::kMuon;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;  // Of matrices, head and router; not of embedding and norms.
  double momentum = 0.95;     // Muon's.
  bool bf16 = true;           // Newton-Schulz products in bf16.
};

// Which weights a step trains. The others keep their values and moments: a part that has no
// gradient must not decay either.
enum class TrainedPart : std::uint8_t { kAll, kTrunk, kMtp };

class Optimizer {
 public:
  Optimizer(const ParameterLayout& layout, const OptimizerOptions& options, int worker_count);

  struct Update {
    double learning_rate = 0;
    double gradient_scale = 1;  // From clipping.
    TrainedPart part = TrainedPart::kAll;
  };
  // One step: moments, weights and, where given, the weights rounded to bf16.
  void Step(const Update& update, std::span<const float> gradients, std::span<float> weights,
            std::span<kernels::Bf16> rounded, parallel::ThreadPool& pool);

  // State for checkpoints: steps taken and both moments, in the layout of the weights.
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  std::span<float> first_moment() { return first_moment_; }
  std::span<float> second_moment() { return second_moment_; }

 private:
  // A whole matrix for Muon, a piece of a parameter for AdamW.
  struct Task {
    std::size_t parameter = 0;
    std::int64_t begin = 0;
    std::int64_t count = 0;
    bool is_muon = false;
    double cost = 0;
  };
  struct MuonScratch {
    tensor::AlignedBuffer<float> update, product, gram, gram2;
    tensor::AlignedBuffer<kernels::Bf16> update_rounded, gram_rounded;
  };

  void RunTask(const Task& task, const Update& update, const float* gradients, float* weights,
               MuonScratch& scratch);

  const ParameterLayout& layout_;
  OptimizerOptions options_;
  std::int64_t steps_ = 0;
  tensor::AlignedBuffer<float> first_moment_;
  tensor::AlignedBuffer<float> second_moment_;
  std::vector<Task> tasks_;           // Dearest first.
  std::vector<MuonScratch> scratch_;  // One a worker.
};

// Orthogonalises `x` [rows, cols] in place (Newton-Schulz, quintic); singular values end near 1.
// Scratch of x's size (`product`), and of min(rows, cols)^2 (`gram`, `gram2`).
void Orthogonalise(std::int64_t rows, std::int64_t cols, float* x, float* product, float* gram,
                   float* gram2);
// The same with products in bf16; `x_rounded` of x's size, `gram_rounded` of the gram's.
void OrthogonaliseBf16(std::int64_t rows, std::int64_t cols, float* x, float* product, float* gram,
                       float* gram2, kernels::Bf16* x_rounded, kernels::Bf16* gram_rounded);

}  // namespace holdfast::trainer
