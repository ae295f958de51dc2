#include "trainer/block_state.h"

#include "kernels/bf16.h"

namespace holdfast::trainer {

template <typename A>
void LayOut(const PassSizes& z, const BlockOffsets& block, Arena& arena, BlockState<A>& state) {
  AttentionState<A>& a = state.attention;
  a.in = TakeNorm<A>(arena, z.tokens, z.hidden);
  a.in_proj = arena.Take<A>(z.tokens * z.in_width);
  a.q = a.in_proj;
  a.q_stride = z.in_width;
  if (z.q_rank > 0) {
    a.q_latent = TakeNorm<A>(arena, z.tokens, z.q_rank);
    a.q = arena.Take<A>(z.tokens * z.q_width);
    a.q_stride = z.q_width;
  }
  a.latent = TakeNorm<A>(arena, z.tokens, z.latent);
  a.kv = arena.Take<A>(z.tokens * z.kv_width);
  a.k = arena.Take<A>(z.tokens * z.q_width);
  a.p = arena.Take<A>(z.tokens * z.heads * z.seq_len);
  a.o = arena.Take<A>(z.tokens * z.o_width);

  FfnState<A>& f = state.ffn;
  f.in = TakeNorm<A>(arena, z.tokens, z.hidden);
  f.mlp = {.in = f.in.out,
           .gate_up = arena.Take<A>(z.tokens * 2 * block.mlp.inner),
           .act = arena.Take<A>(z.tokens * block.mlp.inner)};
  if (!block.is_moe) return;
  f.scores = arena.Take<float>(z.tokens * z.experts);
  f.chosen = arena.Take<std::int32_t>(z.tokens * z.k);
  f.weights = arena.Take<float>(z.tokens * z.k);
  f.place = arena.Take<std::int32_t>(z.tokens * z.k);
  f.token = arena.Take<std::int32_t>(z.places);
  f.scale = arena.Take<float>(z.places);
  f.d_mean = arena.Take<float>(z.tokens * z.experts);
  f.first.resize(static_cast<std::size_t>(z.experts) + 1);
  f.expert_in = arena.Take<A>(z.places * z.hidden);
  f.expert_gate_up = arena.Take<A>(z.places * 2 * z.expert_inner);
  f.expert_act = arena.Take<A>(z.places * z.expert_inner);
}

template <typename A>
void LayOut(const PassSizes& z, Arena& arena, Scratch<A>& s) {
  s.scores = arena.Take<float>(kQueryBlock * z.seq_len);
  s.d_scores = arena.Take<A>(z.seq_len * z.seq_len);
  s.rope = arena.Take<A>(z.tokens * z.rope);
  s.d_x = arena.Take<A>(z.tokens * z.hidden);
  s.d_in = arena.Take<float>(z.tokens * std::max({z.hidden, z.latent, z.q_rank}));
  s.d_in_proj = arena.Take<A>(z.tokens * z.in_width);
  s.d_q = arena.Take<A>(z.q_rank > 0 ? z.tokens * z.q_width : 0);
  s.d_kv = arena.Take<A>(z.tokens * z.kv_width);
  s.d_k = arena.Take<A>(z.tokens * z.q_width);
  s.d_o = arena.Take<A>(z.tokens * z.o_width);
  const std::int64_t act = std::max(z.tokens * z.inner_max, z.places * z.expert_inner);
  s.d_act = arena.Take<A>(act);
  s.d_gate_up = arena.Take<A>(2 * act);
  if (z.experts == 0) return;
  s.expert_rows = arena.Take<A>(z.places * z.hidden);
  s.expert_rows2 = arena.Take<A>(z.places * z.hidden);
  s.d_scale = arena.Take<float>(z.places);
  s.d_weights = arena.Take<float>(z.tokens * z.k);
  s.logits = arena.Take<float>(z.tokens * z.experts);
  s.d_logits = arena.Take<A>(z.tokens * z.experts);
  s.d_logits_f32 = arena.Take<float>(z.tokens * z.experts);
}

template void LayOut(const PassSizes&, const BlockOffsets&, Arena&, BlockState<float>&);
template void LayOut(const PassSizes&, const BlockOffsets&, Arena&, BlockState<kernels::Bf16>&);
template void LayOut(const PassSizes&, Arena&, Scratch<float>&);
template void LayOut(const PassSizes&, Arena&, Scratch<kernels::Bf16>&);

}  // namespace holdfast::trainer
