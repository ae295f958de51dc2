// BlockPass: feed-forward part, dense or a mixture of experts, forward and backward; and the block
// as a whole.
#include <algorithm>

#include "kernels/train_ops.h"
#include "trainer/block_pass.h"
#include "trainer/router.h"

namespace holdfast::trainer {

template <typename A>
double BlockPass<A>::FfnForward(const MicroBatch& batch, const BlockOffsets& block,
                                std::span<const float> router_bias, const BalanceOptions& balance,
                                FfnState<A>& f, float* x, std::int64_t* expert_count) const {
  const std::int64_t tokens = batch.tokens();
  layers_.Norm(tokens, FfnNorm(block), x, z_.hidden, f.in);
  if (block.mlp.inner > 0) layers_.Mlp(tokens, block.mlp, f.mlp, x, true);
  if (!block.is_moe) return 0;
  layers_.Linear(tokens, Router(block), f.in.out, s_.logits);
  const RouterResult routing{.scores = f.scores, .chosen = f.chosen, .weights = f.weights};
  RouteTokens(layout_.config(), s_.logits, router_bias, tokens, routing);
  for (std::int64_t i = 0; i < tokens * z_.k; ++i) ++expert_count[f.chosen[i]];
  const double loss = BalanceLoss(layout_.config(), routing, tokens, batch.seq_len, balance.alpha,
                                  balance.sequence_weight, f.d_mean);
  GroupByExpert(tokens, f);
  ExpertsForward(tokens, block, f, x);
  return loss;
}

template <typename A>
void BlockPass<A>::FfnBackward(const MicroBatch& batch, const BlockOffsets& block, FfnState<A>& f,
                               float* d_x, float* gradients) const {
  const std::int64_t tokens = batch.tokens();
  kernels::Convert(d_x, s_.d_x, tokens * z_.hidden);
  if (block.mlp.inner > 0) {
    layers_.MlpBackward(tokens, block.mlp, f.mlp,
                        {.d_out = s_.d_x, .d_act = s_.d_act, .d_gate_up = s_.d_gate_up}, s_.d_in,
                        gradients);
  } else {
    std::fill_n(s_.d_in, tokens * z_.hidden, 0.0f);
  }
  if (block.is_moe) {
    ExpertsBackward(tokens, block, f, gradients);
    RouterBackward(batch, block, f, gradients);
  }
  layers_.NormBackward(tokens, FfnNorm(block), f.in, s_.d_in, d_x, z_.hidden, gradients, true);
}

// Gives each (token, choice) a place among its expert's rows, in order of tokens.
template <typename A>
void BlockPass<A>::GroupByExpert(std::int64_t tokens, FfnState<A>& f) const {
  std::vector<std::int64_t> next(static_cast<std::size_t>(z_.experts), 0);
  for (std::int64_t i = 0; i < tokens * z_.k; ++i) ++next[f.chosen[i]];
  f.first[0] = 0;
  for (std::int64_t e = 0; e < z_.experts; ++e) {
    f.first[e + 1] = f.first[e] + PadRows(next[e]);
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

// Calls body(expert, its first place, its number of places, its state) for each expert that has
// any. The router's weight is applied to an expert's inner activation, not to its output: the same
// sum, at half the width, and its gradient needs no kept outputs.
template <typename A>
template <typename Body>
void BlockPass<A>::ForEachGroup(const FfnState<A>& f, const Body& body) const {
  for (std::int64_t e = 0; e < z_.experts; ++e) {
    const std::int64_t at = f.first[e], rows = f.first[e + 1] - at;
    if (rows == 0) continue;
    body(e, at, rows,
         MlpState<A>{.in = f.expert_in + at * z_.hidden,
                     .gate_up = f.expert_gate_up + at * 2 * z_.expert_inner,
                     .act = f.expert_act + at * z_.expert_inner,
                     .scale = f.scale + at});
  }
}

template <typename A>
void BlockPass<A>::ExpertsForward(std::int64_t tokens, const BlockOffsets& block, FfnState<A>& f,
                                  float* x) const {
  kernels::GatherRows(f.in.out, f.token, f.expert_in, f.first[z_.experts], z_.hidden);
  ForEachGroup(f, [&](std::int64_t e, std::int64_t at, std::int64_t rows, const MlpState<A>& mlp) {
    layers_.Mlp(rows, block.experts[e], mlp, s_.expert_rows + at * z_.hidden);
  });
  kernels::CombineRows(s_.expert_rows, f.place, z_.k, x, tokens, z_.hidden);
}

// From d_x (rounded, in scratch) to gradients of the experts, d_scale, and d_in (added to).
template <typename A>
void BlockPass<A>::ExpertsBackward(std::int64_t tokens, const BlockOffsets& block, FfnState<A>& f,
                                   float* gradients) const {
  kernels::GatherRows(s_.d_x, f.token, s_.expert_rows, f.first[z_.experts], z_.hidden);
  ForEachGroup(f, [&](std::int64_t e, std::int64_t at, std::int64_t rows, const MlpState<A>& mlp) {
    layers_.MlpBackward(rows, block.experts[e], mlp,
                        {.d_out = s_.expert_rows + at * z_.hidden,
                         .d_act = s_.d_act,
                         .d_gate_up = s_.d_gate_up,
                         .d_scale = s_.d_scale + at},
                        s_.expert_rows2 + at * z_.hidden, gradients);
  });
  kernels::CombineRows(s_.expert_rows2, f.place, z_.k, s_.d_in, tokens, z_.hidden);
}

// From d_scale to gradients of the router, and d_in (added to).
template <typename A>
void BlockPass<A>::RouterBackward(const MicroBatch& batch, const BlockOffsets& block,
                                  FfnState<A>& f, float* gradients) const {
  const std::int64_t tokens = batch.tokens();
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
  layers_.LinearBackward(tokens, Router(block), s_.d_logits, f.in.out, s_.d_in, gradients, true);
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
template double BlockPass<kernels::Bf16>::Forward(const MicroBatch&, const BlockOffsets&,
                                                  std::span<const float>, const BalanceOptions&,
                                                  BlockState<kernels::Bf16>&, float*,
                                                  std::int64_t*) const;
template void BlockPass<float>::Backward(const MicroBatch&, const BlockOffsets&, BlockState<float>&,
                                         float*, float*) const;
template void BlockPass<kernels::Bf16>::Backward(const MicroBatch&, const BlockOffsets&,
                                                 BlockState<kernels::Bf16>&, float*, float*) const;

}  // namespace holdfast::trainer
