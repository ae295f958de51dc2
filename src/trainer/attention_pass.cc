// BlockPass: multi-head latent attention, forward and backward.
#include <algorithm>
#include <cstring>

#include "kernels/train_ops.h"
#include "trainer/block_pass.h"

namespace holdfast::trainer {

using kernels::Gemm;
using kernels::GemmMatrix;

template <typename A>
void BlockPass<A>::AttentionForward(const MicroBatch& batch, const BlockOffsets& block,
                                    AttentionState<A>& a, float* x) const {
  const std::int64_t tokens = batch.tokens();
  layers_.Norm(tokens, AttentionNorm(block), x, z_.hidden, a.in);
  layers_.Linear(tokens, InProj(block), a.in.out, a.in_proj);
  if (z_.q_rank > 0) {
    layers_.Norm(tokens, QueryNorm(block), a.in_proj, z_.in_width, a.q_latent);
    layers_.Linear(tokens, QueryUp(block), a.q_latent.out, a.q);
  }
  layers_.Norm(tokens, LatentNorm(block), a.in_proj + z_.latent_at, z_.in_width, a.latent);
  layers_.Linear(tokens, LatentUp(block), a.latent.out, a.kv);
  RotateQueries(batch, a.q, a.q_stride, false);
  Rotate(batch, a.in_proj + z_.key_rope_at, z_.in_width, s_.rope, z_.rope, false);
  JoinKeys(batch, a);
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    for (std::int64_t head = 0; head < z_.heads; ++head) AttendForward(batch, row, head, a);
  }
  layers_.Linear(tokens, OutProj(block), a.o, x, true);
}

template <typename A>
void BlockPass<A>::AttentionBackward(const MicroBatch& batch, const BlockOffsets& block,
                                     AttentionState<A>& a, float* d_x, float* gradients) const {
  const std::int64_t tokens = batch.tokens();
  kernels::Convert(d_x, s_.d_x, tokens * z_.hidden);
  layers_.LinearBackward(tokens, OutProj(block), s_.d_x, a.o, s_.d_o, gradients);
  A* d_q = z_.q_rank > 0 ? s_.d_q : s_.d_in_proj;
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    for (std::int64_t head = 0; head < z_.heads; ++head) {
      AttendBackward(batch, row, head, a, d_q, a.q_stride);
    }
  }
  SplitKeyGradients(batch);
  Rotate(batch, s_.rope, z_.rope, s_.d_in_proj + z_.key_rope_at, z_.in_width, true);
  RotateQueries(batch, d_q, a.q_stride, true);
  layers_.LinearBackward(tokens, LatentUp(block), s_.d_kv, a.latent.out, s_.d_in, gradients);
  layers_.NormBackward(tokens, LatentNorm(block), a.latent, s_.d_in, s_.d_in_proj + z_.latent_at,
                       z_.in_width, gradients);
  if (z_.q_rank > 0) {
    layers_.LinearBackward(tokens, QueryUp(block), s_.d_q, a.q_latent.out, s_.d_in, gradients);
    layers_.NormBackward(tokens, QueryNorm(block), a.q_latent, s_.d_in, s_.d_in_proj, z_.in_width,
                         gradients);
  }
  layers_.LinearBackward(tokens, InProj(block), s_.d_in_proj, a.in.out, s_.d_in, gradients);
  layers_.NormBackward(tokens, AttentionNorm(block), a.in, s_.d_in, d_x, z_.hidden, gradients,
                       true);
}

// The rotary part of every head's queries, turned in place.
template <typename A>
void BlockPass<A>::RotateQueries(const MicroBatch& batch, A* q, std::int64_t q_stride,
                                 bool inverse) const {
  for (std::int64_t head = 0; head < z_.heads; ++head) {
    A* part = q + head * z_.qk + z_.nope;
    Rotate(batch, part, q_stride, part, q_stride, inverse);
  }
}

// to [T, rope] = from [T, rope], each token turned by its place in its row, or turned back.
template <typename A>
void BlockPass<A>::Rotate(const MicroBatch& batch, const A* from, std::int64_t from_stride, A* to,
                          std::int64_t to_stride, bool inverse) const {
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const std::int64_t first = row * batch.seq_len;
    kernels::Rope(kernels::RopeJob<A>{.from = from + first * from_stride,
                                      .from_stride = from_stride,
                                      .to = to + first * to_stride,
                                      .to_stride = to_stride,
                                      .cos = batch.cos,
                                      .sin = batch.sin,
                                      .rows = batch.seq_len,
                                      .width = z_.rope,
                                      .inverse = inverse});
  }
}

// Each head's own keys (in kv) beside the one rotary key (in scratch).
template <typename A>
void BlockPass<A>::JoinKeys(const MicroBatch& batch, AttentionState<A>& a) const {
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

// d_k [T, H, qk] into d_kv (each head's own part) and scratch (the rotary part, summed over heads).
template <typename A>
void BlockPass<A>::SplitKeyGradients(const MicroBatch& batch) const {
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
}

template <typename A>
auto BlockPass<A>::HeadOf(const MicroBatch& batch, const AttentionState<A>& a, std::int64_t row,
                          std::int64_t head) const -> Head {
  const std::int64_t first = row * batch.seq_len;
  return {.q = a.q + first * a.q_stride + head * z_.qk,
          .k = a.k + first * z_.q_width + head * z_.qk,
          .v = a.kv + first * z_.kv_width + head * (z_.nope + z_.v) + z_.nope,
          .p = a.p + (row * z_.heads + head) * batch.seq_len * batch.seq_len};
}

template <typename A>
void BlockPass<A>::AttendForward(const MicroBatch& batch, std::int64_t row, std::int64_t head,
                                 AttentionState<A>& a) const {
  const std::int64_t s = batch.seq_len, first = row * s;
  const auto [q, k, v, p] = HeadOf(batch, a, row, head);
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
  const auto [q, k, v, p] = HeadOf(batch, a, row, head);
  const A* d_o = s_.d_o + first * z_.o_width + head * z_.v;
  for (std::int64_t q0 = 0; q0 < s; q0 += kQueryBlock) {
    const std::int64_t count = std::min(kQueryBlock, s - q0), seen = q0 + count;
    Gemm({.m = count, .n = seen, .k = z_.v, .transpose_b = true},
         GemmMatrix<const A>{d_o + q0 * z_.o_width, z_.o_width},
         GemmMatrix<const A>{v, z_.kv_width}, GemmMatrix<float>{s_.scores, seen});
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
  A* d_v = s_.d_kv + (v - a.kv);
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

#define HOLDFAST_INSTANTIATE(A)                                                         \
  template void BlockPass<A>::AttentionForward(const MicroBatch&, const BlockOffsets&,  \
                                               AttentionState<A>&, float*) const;       \
  template void BlockPass<A>::AttentionBackward(const MicroBatch&, const BlockOffsets&, \
                                                AttentionState<A>&, float*, float*) const;
HOLDFAST_INSTANTIATE(float)
HOLDFAST_INSTANTIATE(kernels::Bf16)
#undef HOLDFAST_INSTANTIATE

}  // namespace holdfast::trainer
