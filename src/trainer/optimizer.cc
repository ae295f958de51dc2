#include "trainer/optimizer.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "kernels/gemm.h"
#include "kernels/train_ops.h"

namespace holdfast::trainer {
namespace {

using kernels::Bf16;
using kernels::Gemm;
using kernels::GemmMatrix;

// Coefficients of the quintic iteration that grows small singular values fastest (K. Jordan's
// Muon).
constexpr float kNsA = 3.4445f, kNsB = -4.7750f, kNsC = 2.0315f;
constexpr int kNsSteps = 5;
// Matches the root mean square of AdamW's updates (Moonlight, section 2.2).
constexpr double kMuonScale = 0.2;
constexpr std::int64_t kAdamPiece = 1 << 16;

// Divides by the Frobenius norm, so that no singular value is above 1.
void Normalise(float* x, std::int64_t count) {
  const double norm = std::sqrt(kernels::SumOfSquares(x, count));
  kernels::Scale(static_cast<float>(1.0 / (norm + 1e-7)), x, count);
}

// One iteration: x = a x + (b G + c G^2) x with G = x x^T, on whichever side is smaller.
// `round` turns an f32 array into what the products read.
template <typename T, typename RoundX, typename RoundGram>
void Iterate(std::int64_t rows, std::int64_t cols, float* x, float* product, float* gram,
             float* gram2, const RoundX& round_x, const RoundGram& round_gram) {
  const bool wide = rows <= cols;
  const std::int64_t side = std::min(rows, cols), other = std::max(rows, cols);
  const T* xr = round_x(x);
  Gemm({.m = side, .n = side, .k = other, .transpose_a = !wide, .transpose_b = wide},
       GemmMatrix<const T>{xr, cols}, GemmMatrix<const T>{xr, cols}, GemmMatrix<float>{gram, side});
  const T* gr = round_gram(gram);
  Gemm({.m = side, .n = side, .k = side}, GemmMatrix<const T>{gr, side},
       GemmMatrix<const T>{gr, side}, GemmMatrix<float>{gram2, side});
  kernels::Blend(kNsB, gram, kNsC, gram2, gram, side * side);
  gr = round_gram(gram);
  if (wide) {
    Gemm({.m = rows, .n = cols, .k = rows}, GemmMatrix<const T>{gr, side},
         GemmMatrix<const T>{xr, cols}, GemmMatrix<float>{product, cols});
  } else {
    Gemm({.m = rows, .n = cols, .k = cols}, GemmMatrix<const T>{xr, cols},
         GemmMatrix<const T>{gr, side}, GemmMatrix<float>{product, cols});
  }
  kernels::Blend(kNsA, x, 1.0f, product, x, rows * cols);
}

bool IsTrained(const Parameter& parameter, TrainedPart part) {
  return part == TrainedPart::kAll || parameter.is_mtp == (part == TrainedPart::kMtp);
}

}  // namespace

void Orthogonalise(std::int64_t rows, std::int64_t cols, float* x, float* product, float* gram,
                   float* gram2) {
  Normalise(x, rows * cols);
  const auto same = [](const float* values) { return values; };
  for (int step = 0; step < kNsSteps; ++step) {
    Iterate<float>(rows, cols, x, product, gram, gram2, same, same);
  }
}

void OrthogonaliseBf16(std::int64_t rows, std::int64_t cols, float* x, float* product, float* gram,
                       float* gram2, Bf16* x_rounded, Bf16* gram_rounded) {
  Normalise(x, rows * cols);
  const std::int64_t side = std::min(rows, cols);
  const auto round_x = [&](const float* values) {
    kernels::Convert(values, x_rounded, rows * cols);
    return x_rounded;
  };
  const auto round_gram = [&](const float* values) {
    kernels::Convert(values, gram_rounded, side * side);
    return gram_rounded;
  };
  for (int step = 0; step < kNsSteps; ++step) {
    Iterate<Bf16>(rows, cols, x, product, gram, gram2, round_x, round_gram);
  }
}

Optimizer::Optimizer(const ParameterLayout& layout, const OptimizerOptions& options,
                     int worker_count)
    : layout_(layout),
      options_(options),
      first_moment_(static_cast<std::size_t>(layout.count())),
      second_moment_(static_cast<std::size_t>(layout.count())),
      scratch_(static_cast<std::size_t>(worker_count)) {
  std::int64_t count_max = 0, gram_max = 0;
  for (std::size_t i = 0; i < layout.parameters().size(); ++i) {
    const Parameter& p = layout.parameters()[i];
    if (options.kind == OptimizerOptions::Kind::kMuon && p.kind == ParameterKind::kMatrix) {
      const std::int64_t side = std::min(p.rows, p.cols);
      count_max = std::max(count_max, p.Count());
      gram_max = std::max(gram_max, side * side);
      tasks_.push_back({.parameter = i,
                        .begin = p.offset,
                        .count = p.Count(),
                        .is_muon = true,
                        .cost = static_cast<double>(p.Count()) * static_cast<double>(side)});
      continue;
    }
    for (std::int64_t at = 0; at < p.Count(); at += kAdamPiece) {
      const std::int64_t count = std::min(kAdamPiece, p.Count() - at);
      tasks_.push_back({.parameter = i, .begin = p.offset + at, .count = count});
    }
  }
  std::ranges::stable_sort(tasks_, std::greater(), &Task::cost);
  for (MuonScratch& scratch : scratch_) {
    scratch.update = tensor::AlignedBuffer<float>(static_cast<std::size_t>(count_max));
    scratch.product = tensor::AlignedBuffer<float>(static_cast<std::size_t>(count_max));
    scratch.gram = tensor::AlignedBuffer<float>(static_cast<std::size_t>(gram_max));
    scratch.gram2 = tensor::AlignedBuffer<float>(static_cast<std::size_t>(gram_max));
    if (!options.bf16) continue;
    scratch.update_rounded = tensor::AlignedBuffer<Bf16>(static_cast<std::size_t>(count_max));
    scratch.gram_rounded = tensor::AlignedBuffer<Bf16>(static_cast<std::size_t>(gram_max));
  }
}

void Optimizer::Step(const Update& update, std::span<const float> gradients,
                     std::span<float> weights, std::span<Bf16> rounded,
                     parallel::ThreadPool& pool) {
  CHECK(static_cast<std::int64_t>(gradients.size()) == layout_.count());
  CHECK(static_cast<std::int64_t>(weights.size()) == layout_.count());
  CHECK(rounded.empty() || rounded.size() == weights.size());
  CHECK(pool.worker_count() <= static_cast<int>(scratch_.size()));
  ++steps_;
  pool.Run(static_cast<std::int64_t>(tasks_.size()), [&](std::int64_t index, int worker) {
    const Task& task = tasks_[static_cast<std::size_t>(index)];
    if (!IsTrained(layout_.parameters()[task.parameter], update.part)) return;
    RunTask(task, update, gradients.data(), weights.data(),
            scratch_[static_cast<std::size_t>(worker)]);
    if (rounded.empty()) return;
    kernels::Convert(weights.data() + task.begin, rounded.data() + task.begin, task.count);
  });
}

void Optimizer::RunTask(const Task& task, const Update& update, const float* gradients,
                        float* weights, MuonScratch& scratch) {
  const Parameter& p = layout_.parameters()[task.parameter];
  const bool decays = p.cols > 0 && p.kind != ParameterKind::kEmbedding;
  const float decay = decays ? static_cast<float>(options_.weight_decay) : 0.0f;
  const float rate = static_cast<float>(update.learning_rate);
  const float scale = static_cast<float>(update.gradient_scale);
  if (!task.is_muon) {
    const double steps = static_cast<double>(steps_);
    kernels::AdamW({.weight = weights + task.begin,
                    .gradient = gradients + task.begin,
                    .first_moment = first_moment_.data() + task.begin,
                    .second_moment = second_moment_.data() + task.begin,
                    .count = task.count,
                    .gradient_scale = scale,
                    .learning_rate = rate,
                    .beta1 = static_cast<float>(options_.beta1),
                    .beta2 = static_cast<float>(options_.beta2),
                    .bias_correction1 = static_cast<float>(1 - std::pow(options_.beta1, steps)),
                    .bias_correction2 = static_cast<float>(1 - std::pow(options_.beta2, steps)),
                    .eps = static_cast<float>(options_.eps),
                    .weight_decay = decay});
    return;
  }
  kernels::NesterovMomentum(static_cast<float>(options_.momentum), scale, gradients + task.begin,
                            first_moment_.data() + task.begin, scratch.update.data(), task.count);
  if (options_.bf16) {
    OrthogonaliseBf16(p.rows, p.cols, scratch.update.data(), scratch.product.data(),
                      scratch.gram.data(), scratch.gram2.data(), scratch.update_rounded.data(),
                      scratch.gram_rounded.data());
  } else {
    Orthogonalise(p.rows, p.cols, scratch.update.data(), scratch.product.data(),
                  scratch.gram.data(), scratch.gram2.data());
  }
  const double factor = kMuonScale * std::sqrt(static_cast<double>(std::max(p.rows, p.cols)));
  kernels::ApplyUpdate(rate, static_cast<float>(factor), decay, scratch.update.data(),
                       weights + task.begin, task.count);
}

}  // namespace holdfast::trainer
