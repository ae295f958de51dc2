// BlockPass: feed-forward part, dense or a mixture of experts, forward and backward; and the block
// as a whole.
#include <algorithm>

#include "kernels/train_ops.h"
#include "trainer/block_pass.h"
#include "trainer/router.h"

namespace holdfast::trainer {

using kernels::Bf16;

template <typename A>
double BlockPass<A>::FfnForward(const MicroBatch& batch, const BlockOffsets& block,
                                std::span<const float> router_bias, const BalanceOptions& balance,
                                FfnState<A>& f, float* x, std::int64_t* expert_count) const {
  const std::int64_t tokens = batch.tokens();
  kernels::RmsNorm(
      kernels::RmsNormForward<float, A>{.x = x,
                                        .x_stride = z_.hidden,
                                        .weight = weights_.master + block.ffn_norm,
                                        .normed = f.normed,
                                        .out = f.in,
                                        .inverse_rms = f.inverse_rms,
                                        .rows = tokens,
                                        .width = z_.hidden,
                                        .eps = static_cast<float>(layout_.config().rms_norm_eps)});
  if (block.inner > 0) {
    Project(tokens, 2 * block.inner, z_.hidden, f.in, z_.hidden, block.gate_up, f.gate_up);
    kernels::SwiGlu(kernels::SwiGluForward<A>{
        .gate_up = f.gate_up, .out = f.act, .rows = tokens, .width = block.inner});
    Project(tokens, z_.hidden, block.inner, f.act, block.inner, block.down, x, true);
  }
  if (!block.is_moe) return 0;
  Project(tokens, z_.experts, z_.hidden, f.in, z_.hidden, block.router, s_.logits);
  const RouterResult routing{.scores = f.scores, .chosen = f.chosen, .weights = f.weights};
  RouteTokens(layout_.config(), s_.logits, router_bias, tokens, routing);
  for (std::int64_t i = 0; i < tokens * z_.k; ++i) ++expert_count[f.chosen[i]];
  const double loss = BalanceLoss(layout_.config(), routing, tokens, batch.seq_len, balance.alpha,
                                  balance.sequence_weight, f.d_mean);
  GroupByExpert(tokens, f);
  ExpertsForward(tokens, block, f, x);
  return loss;
}

// Gives each (token, choice) a place among its expert's rows, in order of tokens.
template <typename A>
void BlockPass<A>::GroupByExpert(std::int64_t tokens, FfnState<A>& f) const {
  std::vector<std::int64_t> next(static_cast<std::size_t>(z_.experts), 0);
  for (std::int64_t i = 0; i < tokens * z_.k; ++i) ++next[f.chosen[i]];
  f.first[0] = 0;
  for (std::int64_t e = 0; e < z_.experts; ++e) {
    const std::int64_t padded =
        (next[e] + kExpertRowsMultiple - 1) / kExpertRowsMultiple * kExpertRowsMultiple;
    f.first[e + 1] = f.first[e] + padded;
    std::fill(f.token + f.first[e] + next[e], f.token + f.first[e + 1], -1);
    std::fill(f.scale + f.first[e] + next[e], f.scale + f.first[e + 1], 0.0f);
    next[e] = f.first[e];
  }
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t k = 0; k < z_.k; ++k) {
      const std::int64_t place = next[f.chosen[t * z_.k + k]]++;
      f.token[place] = static_cast<std::int32_t>(t);
      f.scale[place] = f.weights[t * z_.k + k];
      f.place[t * z_.k + k] = static_cast<std::int32_t>(place);
    }
  }
}

// The router's weight is applied to an expert's inner activation, not to its output: the same sum,
// at half the width, and its gradient needs no kept outputs.
template <typename A>
void BlockPass<A>::ExpertsForward(std::int64_t tokens, const BlockOffsets& block, FfnState<A>& f,
                                  float* x) const {
  kernels::GatherRows(f.in, f.token, f.expert_in, f.first[z_.experts], z_.hidden);
  for (std::int64_t e = 0; e < z_.experts; ++e) {
    const std::int64_t at = f.first[e], rows = f.first[e + 1] - at;
    if (rows == 0) continue;
    A* gate_up = f.expert_gate_up + at * 2 * z_.expert_inner;
    A* act = f.expert_act + at * z_.expert_inner;
    Project(rows, 2 * z_.expert_inner, z_.hidden, f.expert_in + at * z_.hidden, z_.hidden,
            block.expert_gate_up[e], gate_up);
    kernels::SwiGlu(kernels::SwiGluForward<A>{.gate_up = gate_up,
                                              .scale = f.scale + at,
                                              .out = act,
                                              .rows = rows,
                                              .width = z_.expert_inner});
    Project(rows, z_.hidden, z_.expert_inner, act, z_.expert_inner, block.expert_down[e],
            s_.expert_rows + at * z_.hidden);
  }
  kernels::CombineRows(s_.expert_rows, f.place, z_.k, x, tokens, z_.hidden);
}

// From d_x (rounded, in scratch) to gradients of the experts, d_scale, and d_in (added to).
template <typename A>
void BlockPass<A>::ExpertsBackward(std::int64_t tokens, const BlockOffsets& block, FfnState<A>& f,
                                   float* gradients) const {
  kernels::GatherRows(s_.d_x, f.token, s_.expert_rows, f.first[z_.experts], z_.hidden);
  for (std::int64_t e = 0; e < z_.experts; ++e) {
    const std::int64_t at = f.first[e], rows = f.first[e + 1] - at;
    if (rows == 0) continue;
    const A* d_y = s_.expert_rows + at * z_.hidden;
    ProjectBack(rows, z_.hidden, z_.expert_inner, d_y, z_.hidden, block.expert_down[e], s_.d_act);
    AddWeightGradient(rows, z_.hidden, z_.expert_inner, d_y, z_.hidden,
                      f.expert_act + at * z_.expert_inner, z_.expert_inner,
                      gradients + block.expert_down[e]);
    kernels::SwiGluGrad(
        kernels::SwiGluBackward<A>{.d_out = s_.d_act,
                                   .gate_up = f.expert_gate_up + at * 2 * z_.expert_inner,
                                   .scale = f.scale + at,
                                   .d_gate_up = s_.d_gate_up,
                                   .d_scale = s_.d_scale + at,
                                   .rows = rows,
                                   .width = z_.expert_inner});
    AddWeightGradient(rows, 2 * z_.expert_inner, z_.hidden, s_.d_gate_up, 2 * z_.expert_inner,
                      f.expert_in + at * z_.hidden, z_.hidden, gradients + block.expert_gate_up[e]);
    ProjectBack(rows, 2 * z_.expert_inner, z_.hidden, s_.d_gate_up, 2 * z_.expert_inner,
                block.expert_gate_up[e], s_.expert_rows2 + at * z_.hidden);
  }
  kernels::CombineRows(s_.expert_rows2, f.place, z_.k, s_.d_in, tokens, z_.hidden);
}

template <typename A>
void BlockPass<A>::FfnBackward(const MicroBatch& batch, const BlockOffsets& block, FfnState<A>& f,
                               float* d_x, float* gradients) const {
  const std::int64_t tokens = batch.tokens();
  kernels::Convert(d_x, s_.d_x, tokens * z_.hidden);
  if (block.inner > 0) {
    ProjectBack(tokens, z_.hidden, block.inner, s_.d_x, z_.hidden, block.down, s_.d_act);
    AddWeightGradient(tokens, z_.hidden, block.inner, s_.d_x, z_.hidden, f.act, block.inner,
                      gradients + block.down);
    kernels::SwiGluGrad(kernels::SwiGluBackward<A>{.d_out = s_.d_act,
                                                   .gate_up = f.gate_up,
                                                   .d_gate_up = s_.d_gate_up,
                                                   .rows = tokens,
                                                   .width = block.inner});
    AddWeightGradient(tokens, 2 * block.inner, z_.hidden, s_.d_gate_up, 2 * block.inner, f.in,
                      z_.hidden, gradients + block.gate_up);
    ProjectBack(tokens, 2 * block.inner, z_.hidden, s_.d_gate_up, 2 * block.inner, block.gate_up,
                s_.d_in);
  } else {
    std::fill_n(s_.d_in, tokens * z_.hidden, 0.0f);
  }
  if (block.is_moe) {
    ExpertsBackward(tokens, block, f, gradients);
    for (std::int64_t i = 0; i < tokens * z_.k; ++i) s_.d_weights[i] = s_.d_scale[f.place[i]];
    RouteTokensGrad(layout_.config(),
                    {.scores = f.scores,
                     .chosen = f.chosen,
                     .weights = f.weights,
                     .d_weights = s_.d_weights,
                     .d_mean = f.d_mean,
                     .seq_len = batch.seq_len,
                     .d_logits = s_.d_logits_f32},
                    tokens);
    kernels::Convert(s_.d_logits_f32, s_.d_logits, tokens * z_.experts);
    AddWeightGradient(tokens, z_.experts, z_.hidden, s_.d_logits, z_.experts, f.in, z_.hidden,
                      gradients + block.router);
    ProjectBack(tokens, z_.experts, z_.hidden, s_.d_logits, z_.experts, block.router, s_.d_in,
                true);
  }
  kernels::RmsNormGrad(
      kernels::RmsNormBackward<A, float>{.d_out = s_.d_in,
                                         .normed = f.normed,
                                         .inverse_rms = f.inverse_rms,
                                         .weight = weights_.master + block.ffn_norm,
                                         .d_x = d_x,
                                         .d_x_stride = z_.hidden,
                                         .accumulate = true,
                                         .d_weight = gradients + block.ffn_norm,
                                         .rows = tokens,
                                         .width = z_.hidden});
}

template <typename A>
double BlockPass<A>::Forward(const MicroBatch& batch, const BlockOffsets& block,
                             std::span<const float> router_bias, const BalanceOptions& balance,
                             BlockState<A>& state, float* x, std::int64_t* expert_count) const {
  AttentionForward(batch, block, state.attention, x);
  return FfnForward(batch, block, router_bias, balance, state.ffn, x, expert_count);
}

template <typename A>
void BlockPass<A>::Backward(const MicroBatch& batch, const BlockOffsets& block,
                            BlockState<A>& state, float* d_x, float* gradients) const {
  FfnBackward(batch, block, state.ffn, d_x, gradients);
  AttentionBackward(batch, block, state.attention, d_x, gradients);
}

template double BlockPass<float>::Forward(const MicroBatch&, const BlockOffsets&,
                                          std::span<const float>, const BalanceOptions&,
                                          BlockState<float>&, float*, std::int64_t*) const;
template double BlockPass<Bf16>::Forward(const MicroBatch&, const BlockOffsets&,
                                         std::span<const float>, const BalanceOptions&,
                                         BlockState<Bf16>&, float*, std::int64_t*) const;
template void BlockPass<float>::Backward(const MicroBatch&, const BlockOffsets&, BlockState<float>&,
                                         float*, float*) const;
template void BlockPass<Bf16>::Backward(const MicroBatch&, const BlockOffsets&, BlockState<Bf16>&,
                                        float*, float*) const;

}  // namespace holdfast::trainer
