// The element-wise operations of training, forward and backward, beside the matrix products. Each
// works on rows of one calling thread; callers parallelise. Vectorised for the CPU found at run
// time; results depend on the CPU's vector width (order of sums), never on threads.
//
// Activations are `float` or `Bf16`; sums, statistics and residual streams are float. Every
// function exists for both. T: rows (tokens). Strides are in elements. Thread-safe.
#pragma once

#include <cstdint>

#include "kernels/bf16.h"

namespace holdfast::kernels {

// --- Conversion and sums ---

void Convert(const float* from, float* to, std::int64_t count);
void Convert(const float* from, Bf16* to, std::int64_t count);
// to += from.
void AddTo(const float* from, float* to, std::int64_t count);
double SumOfSquares(const float* values, std::int64_t count);
void Scale(float factor, float* values, std::int64_t count);

// --- RMSNorm: out = x / sqrt(mean(x^2) + eps) * weight ---

template <typename In, typename A>
struct RmsNormForward {
  const In* x = nullptr;  // [T, width]
  std::int64_t x_stride = 0;
  const float* weight = nullptr;  // [width]
  A* normed = nullptr;            // [T, width] x / rms, kept for the backward pass.
  A* out = nullptr;               // [T, width]
  float* inverse_rms = nullptr;   // [T]
  std::int64_t rows = 0;
  std::int64_t width = 0;
  float eps = 0;
};
void RmsNorm(const RmsNormForward<float, float>& job);
void RmsNorm(const RmsNormForward<float, Bf16>& job);
void RmsNorm(const RmsNormForward<Bf16, Bf16>& job);

template <typename A, typename Out>
struct RmsNormBackward {
  const float* d_out = nullptr;  // [T, width]
  const A* normed = nullptr;     // [T, width]
  const float* inverse_rms = nullptr;
  const float* weight = nullptr;
  Out* d_x = nullptr;  // [T, width]; added to when float and `accumulate`.
  std::int64_t d_x_stride = 0;
  bool accumulate = false;
  float* d_weight = nullptr;  // [width], added to; may be null.
  std::int64_t rows = 0;
  std::int64_t width = 0;
};
void RmsNormGrad(const RmsNormBackward<float, float>& job);
void RmsNormGrad(const RmsNormBackward<Bf16, float>& job);
void RmsNormGrad(const RmsNormBackward<Bf16, Bf16>& job);

// --- Rotary position embedding on adjacent pairs (2i, 2i + 1) ---

// cos [positions, width] holds each cosine twice; sin holds -sine, +sine for each pair.
// to = rotate(from); `inverse` turns the other way, which is the gradient, also where both tables
// carry YaRN's amplitude. In place is allowed.
template <typename A>
struct RopeJob {
  const A* from = nullptr;
  std::int64_t from_stride = 0;
  A* to = nullptr;
  std::int64_t to_stride = 0;
  const float* cos = nullptr;  // Row of the first position.
  const float* sin = nullptr;
  std::int64_t rows = 0;
  std::int64_t width = 0;
  bool inverse = false;
};
void Rope(const RopeJob<float>& job);
void Rope(const RopeJob<Bf16>& job);

// --- SwiGLU: out = scale * silu(gate) * up ---

template <typename A>
struct SwiGluForward {
  const A* gate_up = nullptr;    // [T, 2 * width]: gate, then up.
  const float* scale = nullptr;  // [T], or null for 1.
  A* out = nullptr;              // [T, width]
  std::int64_t rows = 0;
  std::int64_t width = 0;
};
void SwiGlu(const SwiGluForward<float>& job);
void SwiGlu(const SwiGluForward<Bf16>& job);

template <typename A>
struct SwiGluBackward {
  const A* d_out = nullptr;      // [T, width]
  const A* gate_up = nullptr;    // [T, 2 * width]
  const float* scale = nullptr;  // [T], or null.
  A* d_gate_up = nullptr;        // [T, 2 * width]
  float* d_scale = nullptr;      // [T], written; null when scale is.
  std::int64_t rows = 0;
  std::int64_t width = 0;
};
void SwiGluGrad(const SwiGluBackward<float>& job);
void SwiGluGrad(const SwiGluBackward<Bf16>& job);

// --- Rows moved for the expert step ---

// to[i] = from[index[i]] for index >= 0, zeros for negative index (padding).
void GatherRows(const float* from, const std::int32_t* index, float* to, std::int64_t rows,
                std::int64_t width);
void GatherRows(const Bf16* from, const std::int32_t* index, Bf16* to, std::int64_t rows,
                std::int64_t width);
// to[t] += sum over k of from[slot[t * k_count + k]], in order of k.
void CombineRows(const float* from, const std::int32_t* slot, std::int64_t k_count, float* to,
                 std::int64_t rows, std::int64_t width);
void CombineRows(const Bf16* from, const std::int32_t* slot, std::int64_t k_count, float* to,
                 std::int64_t rows, std::int64_t width);

// --- Attention softmax over one block of queries of one head ---

// Row i is query first_query + i; it sees keys [first_key[i], first_query + i]. Others get 0.
template <typename A>
struct SoftmaxForward {
  float* scores = nullptr;  // [rows, columns]; used as scratch.
  std::int64_t scores_stride = 0;
  A* probabilities = nullptr;  // [rows, columns]
  std::int64_t probabilities_stride = 0;
  const std::int32_t* first_key = nullptr;  // [rows]
  std::int64_t first_query = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;  // At least first_query + rows.
  float scale = 1;
};
void AttentionSoftmax(const SoftmaxForward<float>& job);
void AttentionSoftmax(const SoftmaxForward<Bf16>& job);

template <typename A>
struct SoftmaxBackward {
  const float* d_probabilities = nullptr;  // [rows, columns]
  std::int64_t d_probabilities_stride = 0;
  const A* probabilities = nullptr;  // [rows, columns]
  std::int64_t probabilities_stride = 0;
  A* d_scores = nullptr;  // [rows, columns]
  std::int64_t d_scores_stride = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  float scale = 1;
};
void AttentionSoftmaxGrad(const SoftmaxBackward<float>& job);
void AttentionSoftmaxGrad(const SoftmaxBackward<Bf16>& job);

// --- Cross-entropy over logits, with its gradient ---

template <typename A>
struct CrossEntropyJob {
  float* logits = nullptr;               // [T, vocabulary]; used as scratch when d_logits is given.
  const std::int32_t* target = nullptr;  // [T]
  A* d_logits = nullptr;                 // [T, vocabulary], or null for the loss alone.
  float* loss = nullptr;                 // [T] -log p(target), in nats.
  float* log_sum = nullptr;              // [T] log of the sum of exponentials (for z-loss).
  float grad_scale = 1;                  // Of d_logits: 1 / (target tokens of the whole batch).
  float z_loss = 0;                      // Adds z_loss * log_sum^2 to what is differentiated.
  std::int64_t rows = 0;
  std::int64_t vocabulary = 0;
};
void CrossEntropy(const CrossEntropyJob<float>& job);
void CrossEntropy(const CrossEntropyJob<Bf16>& job);

// --- Optimizer ---

struct AdamWJob {
  float* weight = nullptr;
  const float* gradient = nullptr;
  float* first_moment = nullptr;
  float* second_moment = nullptr;
  std::int64_t count = 0;
  float gradient_scale = 1;  // From clipping.
  float learning_rate = 0;
  float beta1 = 0.9f;
  float beta2 = 0.95f;
  float bias_correction1 = 1;  // 1 - beta1^step.
  float bias_correction2 = 1;
  float eps = 1e-8f;
  float weight_decay = 0;
};
void AdamW(const AdamWJob& job);

// momentum = beta * momentum + scale * gradient; update = scale * gradient + beta * momentum
// (Nesterov).
void NesterovMomentum(float beta, float scale, const float* gradient, float* momentum,
                      float* update, std::int64_t count);
// weight -= rate * (factor * update + decay * weight).
void ApplyUpdate(float rate, float factor, float decay, const float* update, float* weight,
                 std::int64_t count);
// out = a * x + b * y, rounded to A.
void Blend(float a, const float* x, float b, const float* y, float* out, std::int64_t count);

}  // namespace holdfast::kernels
