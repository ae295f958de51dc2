// BlockPass: multi-head latent attention, forward and backward.
#include <algorithm>
#include <cstring>

#include "kernels/train_ops.h"
#include "trainer/block_pass.h"

namespace holdfast::trainer {

using kernels::Bf16;
using kernels::Gemm;
using kernels::GemmMatrix;

template <typename A>
void BlockPass<A>::AttentionForward(const MicroBatch& batch, const BlockOffsets& block,
                                    AttentionState<A>& a, float* x) const {
  const std::int64_t tokens = batch.tokens();
  const float eps = static_cast<float>(layout_.config().rms_norm_eps);
  kernels::RmsNorm(
      kernels::RmsNormForward<float, A>{.x = x,
                                        .x_stride = z_.hidden,
                                        .weight = weights_.master + block.attention_norm,
                                        .normed = a.normed,
                                        .out = a.in,
                                        .inverse_rms = a.inverse_rms,
                                        .rows = tokens,
                                        .width = z_.hidden,
                                        .eps = eps});
  Project(tokens, z_.in_width, z_.hidden, a.in, z_.hidden, block.in_proj, a.in_proj);
  if (z_.q_rank > 0) {
    kernels::RmsNorm(kernels::RmsNormForward<A, A>{.x = a.in_proj,
                                                   .x_stride = z_.in_width,
                                                   .weight = weights_.master + block.q_norm,
                                                   .normed = a.q_normed,
                                                   .out = a.q_latent,
                                                   .inverse_rms = a.q_inverse_rms,
                                                   .rows = tokens,
                                                   .width = z_.q_rank,
                                                   .eps = eps});
    Project(tokens, z_.q_width, z_.q_rank, a.q_latent, z_.q_rank, block.q_b, a.q);
  }
  const std::int64_t latent_at = z_.in_width - z_.latent - z_.rope;
  kernels::RmsNorm(kernels::RmsNormForward<A, A>{.x = a.in_proj + latent_at,
                                                 .x_stride = z_.in_width,
                                                 .weight = weights_.master + block.kv_norm,
                                                 .normed = a.latent_normed,
                                                 .out = a.latent,
                                                 .inverse_rms = a.latent_inverse_rms,
                                                 .rows = tokens,
                                                 .width = z_.latent,
                                                 .eps = eps});
  Project(tokens, z_.kv_width, z_.latent, a.latent, z_.latent, block.kv_b, a.kv);
  MakeKeys(batch, a);
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    for (std::int64_t head = 0; head < z_.heads; ++head) AttendForward(batch, row, head, a);
  }
  Project(tokens, z_.hidden, z_.o_width, a.o, z_.o_width, block.o_proj, x, true);
}

// Rotates queries in place and joins each head's keys with the one rotary key.
template <typename A>
void BlockPass<A>::MakeKeys(const MicroBatch& batch, AttentionState<A>& a) const {
  const std::int64_t s = batch.seq_len;
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    for (std::int64_t head = 0; head < z_.heads; ++head) {
      A* q_rope = a.q + row * s * a.q_stride + head * z_.qk + z_.nope;
      kernels::Rope(kernels::RopeJob<A>{.from = q_rope,
                                        .from_stride = a.q_stride,
                                        .to = q_rope,
                                        .to_stride = a.q_stride,
                                        .cos = batch.cos,
                                        .sin = batch.sin,
                                        .rows = s,
                                        .width = z_.rope});
    }
    kernels::Rope(kernels::RopeJob<A>{.from = a.in_proj + (row * s + 1) * z_.in_width - z_.rope,
                                      .from_stride = z_.in_width,
                                      .to = s_.rope + row * s * z_.rope,
                                      .to_stride = z_.rope,
                                      .cos = batch.cos,
                                      .sin = batch.sin,
                                      .rows = s,
                                      .width = z_.rope});
  }
  const std::size_t nope_bytes = static_cast<std::size_t>(z_.nope) * sizeof(A);
  const std::size_t rope_bytes = static_cast<std::size_t>(z_.rope) * sizeof(A);
  for (std::int64_t t = 0; t < batch.tokens(); ++t) {
    for (std::int64_t head = 0; head < z_.heads; ++head) {
      A* key = a.k + t * z_.q_width + head * z_.qk;
      std::memcpy(key, a.kv + t * z_.kv_width + head * (z_.nope + z_.v), nope_bytes);
      std::memcpy(key + z_.nope, s_.rope + t * z_.rope, rope_bytes);
    }
  }
}

template <typename A>
void BlockPass<A>::AttendForward(const MicroBatch& batch, std::int64_t row, std::int64_t head,
                                 AttentionState<A>& a) const {
  const std::int64_t s = batch.seq_len, first = row * s;
  const A* q = a.q + first * a.q_stride + head * z_.qk;
  const A* k = a.k + first * z_.q_width + head * z_.qk;
  const A* v = a.kv + first * z_.kv_width + head * (z_.nope + z_.v) + z_.nope;
  A* p = a.p + (row * z_.heads + head) * s * s;
  A* o = a.o + first * z_.o_width + head * z_.v;
  for (std::int64_t q0 = 0; q0 < s; q0 += kQueryBlock) {
    const std::int64_t count = std::min(kQueryBlock, s - q0), seen = q0 + count;
    Gemm({.m = count, .n = seen, .k = z_.qk, .transpose_b = true},
         GemmMatrix<const A>{q + q0 * a.q_stride, a.q_stride}, GemmMatrix<const A>{k, z_.q_width},
         GemmMatrix<float>{s_.scores, seen});
    kernels::AttentionSoftmax(kernels::SoftmaxForward<A>{.scores = s_.scores,
                                                         .scores_stride = seen,
                                                         .probabilities = p + q0 * s,
                                                         .probabilities_stride = s,
                                                         .first_key = batch.first_key + first + q0,
                                                         .first_query = q0,
                                                         .rows = count,
                                                         .columns = seen,
                                                         .scale = attention_scale_});
    Gemm({.m = count, .n = z_.v, .k = seen}, GemmMatrix<const A>{p + q0 * s, s},
         GemmMatrix<const A>{v, z_.kv_width}, GemmMatrix<A>{o + q0 * z_.o_width, z_.o_width});
  }
}

template <typename A>
void BlockPass<A>::AttendBackward(const MicroBatch& batch, std::int64_t row, std::int64_t head,
                                  AttentionState<A>& a, A* d_q, std::int64_t d_q_stride) const {
  const std::int64_t s = batch.seq_len, first = row * s;
  const std::int64_t v_at = first * z_.kv_width + head * (z_.nope + z_.v) + z_.nope;
  const A* q = a.q + first * a.q_stride + head * z_.qk;
  const A* k = a.k + first * z_.q_width + head * z_.qk;
  const A* p = a.p + (row * z_.heads + head) * s * s;
  const A* d_o = s_.d_o + first * z_.o_width + head * z_.v;
  for (std::int64_t q0 = 0; q0 < s; q0 += kQueryBlock) {
    const std::int64_t count = std::min(kQueryBlock, s - q0), seen = q0 + count;
    Gemm({.m = count, .n = seen, .k = z_.v, .transpose_b = true},
         GemmMatrix<const A>{d_o + q0 * z_.o_width, z_.o_width},
         GemmMatrix<const A>{a.kv + v_at, z_.kv_width}, GemmMatrix<float>{s_.scores, seen});
    kernels::AttentionSoftmaxGrad(kernels::SoftmaxBackward<A>{.d_probabilities = s_.scores,
                                                              .d_probabilities_stride = seen,
                                                              .probabilities = p + q0 * s,
                                                              .probabilities_stride = s,
                                                              .d_scores = s_.d_scores + q0 * s,
                                                              .d_scores_stride = s,
                                                              .rows = count,
                                                              .columns = seen,
                                                              .scale = attention_scale_});
    Gemm({.m = count, .n = z_.qk, .k = seen}, GemmMatrix<const A>{s_.d_scores + q0 * s, s},
         GemmMatrix<const A>{k, z_.q_width},
         GemmMatrix<A>{d_q + first * d_q_stride + head * z_.qk + q0 * d_q_stride, d_q_stride});
  }
  // A block of keys is seen by the queries from its own start on: no sums between blocks.
  A* d_k = s_.d_k + first * z_.q_width + head * z_.qk;
  A* d_v = s_.d_kv + v_at;
  for (std::int64_t k0 = 0; k0 < s; k0 += kQueryBlock) {
    const std::int64_t count = std::min(kQueryBlock, s - k0), queries = s - k0;
    Gemm({.m = count, .n = z_.qk, .k = queries, .transpose_a = true},
         GemmMatrix<const A>{s_.d_scores + k0 * s + k0, s},
         GemmMatrix<const A>{q + k0 * a.q_stride, a.q_stride},
         GemmMatrix<A>{d_k + k0 * z_.q_width, z_.q_width});
    Gemm({.m = count, .n = z_.v, .k = queries, .transpose_a = true},
         GemmMatrix<const A>{p + k0 * s + k0, s},
         GemmMatrix<const A>{d_o + k0 * z_.o_width, z_.o_width},
         GemmMatrix<A>{d_v + k0 * z_.kv_width, z_.kv_width});
  }
}

// d_k [T, H, qk] into d_kv (without the rotary part) and, summed over heads and rotated back, into
// the rotary key's place in d_in_proj.
template <typename A>
void BlockPass<A>::KeysBackward(const MicroBatch& batch) const {
  const std::size_t nope_bytes = static_cast<std::size_t>(z_.nope) * sizeof(A);
  for (std::int64_t t = 0; t < batch.tokens(); ++t) {
    const A* d_key = s_.d_k + t * z_.q_width;
    for (std::int64_t head = 0; head < z_.heads; ++head) {
      std::memcpy(s_.d_kv + t * z_.kv_width + head * (z_.nope + z_.v), d_key + head * z_.qk,
                  nope_bytes);
    }
    for (std::int64_t i = 0; i < z_.rope; ++i) {
      float sum = 0;
      for (std::int64_t head = 0; head < z_.heads; ++head) {
        sum += kernels::ToFloat(d_key[head * z_.qk + z_.nope + i]);
      }
      kernels::FromFloat(sum, s_.rope[t * z_.rope + i]);
    }
  }
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const std::int64_t first = row * batch.seq_len;
    kernels::Rope(kernels::RopeJob<A>{.from = s_.rope + first * z_.rope,
                                      .from_stride = z_.rope,
                                      .to = s_.d_in_proj + (first + 1) * z_.in_width - z_.rope,
                                      .to_stride = z_.in_width,
                                      .cos = batch.cos,
                                      .sin = batch.sin,
                                      .rows = batch.seq_len,
                                      .width = z_.rope,
                                      .inverse = true});
  }
}

template <typename A>
void BlockPass<A>::AttentionBackward(const MicroBatch& batch, const BlockOffsets& block,
                                     AttentionState<A>& a, float* d_x, float* gradients) const {
  const std::int64_t tokens = batch.tokens();
  kernels::Convert(d_x, s_.d_x, tokens * z_.hidden);
  ProjectBack(tokens, z_.hidden, z_.o_width, s_.d_x, z_.hidden, block.o_proj, s_.d_o);
  AddWeightGradient(tokens, z_.hidden, z_.o_width, s_.d_x, z_.hidden, a.o, z_.o_width,
                    gradients + block.o_proj);
  A* d_q = z_.q_rank > 0 ? s_.d_q : s_.d_in_proj;
  const std::int64_t d_q_stride = z_.q_rank > 0 ? z_.q_width : z_.in_width;
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    for (std::int64_t head = 0; head < z_.heads; ++head) {
      AttendBackward(batch, row, head, a, d_q, d_q_stride);
      A* d_rope = d_q + row * batch.seq_len * d_q_stride + head * z_.qk + z_.nope;
      kernels::Rope(kernels::RopeJob<A>{.from = d_rope,
                                        .from_stride = d_q_stride,
                                        .to = d_rope,
                                        .to_stride = d_q_stride,
                                        .cos = batch.cos,
                                        .sin = batch.sin,
                                        .rows = batch.seq_len,
                                        .width = z_.rope,
                                        .inverse = true});
    }
  }
  KeysBackward(batch);
  AddWeightGradient(tokens, z_.kv_width, z_.latent, s_.d_kv, z_.kv_width, a.latent, z_.latent,
                    gradients + block.kv_b);
  ProjectBack(tokens, z_.kv_width, z_.latent, s_.d_kv, z_.kv_width, block.kv_b, s_.d_in);
  kernels::RmsNormGrad(
      kernels::RmsNormBackward<A, A>{.d_out = s_.d_in,
                                     .normed = a.latent_normed,
                                     .inverse_rms = a.latent_inverse_rms,
                                     .weight = weights_.master + block.kv_norm,
                                     .d_x = s_.d_in_proj + (z_.in_width - z_.latent - z_.rope),
                                     .d_x_stride = z_.in_width,
                                     .d_weight = gradients + block.kv_norm,
                                     .rows = tokens,
                                     .width = z_.latent});
  if (z_.q_rank > 0) {
    AddWeightGradient(tokens, z_.q_width, z_.q_rank, s_.d_q, z_.q_width, a.q_latent, z_.q_rank,
                      gradients + block.q_b);
    ProjectBack(tokens, z_.q_width, z_.q_rank, s_.d_q, z_.q_width, block.q_b, s_.d_in);
    kernels::RmsNormGrad(kernels::RmsNormBackward<A, A>{.d_out = s_.d_in,
                                                        .normed = a.q_normed,
                                                        .inverse_rms = a.q_inverse_rms,
                                                        .weight = weights_.master + block.q_norm,
                                                        .d_x = s_.d_in_proj,
                                                        .d_x_stride = z_.in_width,
                                                        .d_weight = gradients + block.q_norm,
                                                        .rows = tokens,
                                                        .width = z_.q_rank});
  }
  AddWeightGradient(tokens, z_.in_width, z_.hidden, s_.d_in_proj, z_.in_width, a.in, z_.hidden,
                    gradients + block.in_proj);
  ProjectBack(tokens, z_.in_width, z_.hidden, s_.d_in_proj, z_.in_width, block.in_proj, s_.d_in);
  kernels::RmsNormGrad(
      kernels::RmsNormBackward<A, float>{.d_out = s_.d_in,
                                         .normed = a.normed,
                                         .inverse_rms = a.inverse_rms,
                                         .weight = weights_.master + block.attention_norm,
                                         .d_x = d_x,
                                         .d_x_stride = z_.hidden,
                                         .accumulate = true,
                                         .d_weight = gradients + block.attention_norm,
                                         .rows = tokens,
                                         .width = z_.hidden});
}

#define HOLDFAST_INSTANTIATE(A)                                                         \
  template void BlockPass<A>::AttentionForward(const MicroBatch&, const BlockOffsets&,  \
                                               AttentionState<A>&, float*) const;       \
  template void BlockPass<A>::AttentionBackward(const MicroBatch&, const BlockOffsets&, \
                                                AttentionState<A>&, float*, float*) const;
HOLDFAST_INSTANTIATE(float)
HOLDFAST_INSTANTIATE(Bf16)
#undef HOLDFAST_INSTANTIATE

}  // namespace holdfast::trainer
