// Plain twins of the training kernels' forward passes, templated on the number type: in double they
// are what gradients are checked against by finite differences. Written to be read.
// Free functions; thread-safe.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/rope.h"

namespace holdfast::kernels::reference {

// out = x / sqrt(mean(x^2) + eps) * weight, one row.
template <typename Real>
void RmsNorm(const Real* x, const Real* weight, std::int64_t width, Real eps, Real* out) {
  Real sum = 0;
  for (std::int64_t i = 0; i < width; ++i) sum += x[i] * x[i];
  const Real inverse = 1 / std::sqrt(sum / static_cast<Real>(width) + eps);
  for (std::int64_t i = 0; i < width; ++i) out[i] = x[i] * inverse * weight[i];
}

// Rotates adjacent pairs by position * frequency and scales them by the table's amplitude, one row.
template <typename Real>
void Rope(const Real* x, const RopeTable& table, std::int64_t position, Real* out) {
  for (std::size_t pair = 0; pair < table.frequency.size(); ++pair) {
    const double angle = static_cast<double>(position) * table.frequency[pair];
    const Real cos = static_cast<Real>(table.amplitude * std::cos(angle));
    const Real sin = static_cast<Real>(table.amplitude * std::sin(angle));
    const Real a = x[2 * pair], b = x[2 * pair + 1];
    out[2 * pair] = a * cos - b * sin;
    out[2 * pair + 1] = a * sin + b * cos;
  }
}

// out = scale * silu(gate) * up, one row.
template <typename Real>
void SwiGlu(const Real* gate, const Real* up, std::int64_t width, Real scale, Real* out) {
  for (std::int64_t i = 0; i < width; ++i) {
    out[i] = scale * gate[i] / (1 + std::exp(-gate[i])) * up[i];
  }
}

// Probabilities of the keys [first, last] from scores * scale; 0 for the others of [0, columns).
template <typename Real>
void AttentionSoftmax(const Real* scores, std::int64_t first, std::int64_t last,
                      std::int64_t columns, Real scale, Real* out) {
  const Real max = *std::max_element(scores + first, scores + last + 1);
  Real sum = 0;
  for (std::int64_t i = 0; i < columns; ++i) {
    out[i] = i < first || i > last ? 0 : std::exp(scale * (scores[i] - max));
    sum += out[i];
  }
  for (std::int64_t i = 0; i < columns; ++i) out[i] /= sum;
}

// -log softmax(logits)[target] + z_loss * (log of the sum of exponentials)^2.
template <typename Real>
Real CrossEntropy(const Real* logits, std::int64_t vocabulary, std::int64_t target, Real z_loss) {
  const Real max = *std::max_element(logits, logits + vocabulary);
  Real sum = 0;
  for (std::int64_t i = 0; i < vocabulary; ++i) sum += std::exp(logits[i] - max);
  const Real log_sum = max + std::log(sum);
  return log_sum - logits[target] + z_loss * log_sum * log_sum;
}

// y [rows, out] = x [rows, in] W^T, W [out, in].
template <typename Real>
void Project(const Real* x, const Real* weight, std::int64_t rows, std::int64_t out,
             std::int64_t in, Real* y) {
  for (std::int64_t t = 0; t < rows; ++t) {
    for (std::int64_t o = 0; o < out; ++o) {
      Real sum = 0;
      for (std::int64_t i = 0; i < in; ++i) sum += x[t * in + i] * weight[o * in + i];
      y[t * out + o] = sum;
    }
  }
}

}  // namespace holdfast::kernels::reference
