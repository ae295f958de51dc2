#include "trainer/lane_pass.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "kernels/gemm.h"
#include "kernels/train_ops.h"
#include "model/rope.h"

namespace holdfast::trainer {
namespace {

using kernels::Bf16;
using kernels::GemmMatrix;

// Logits are made and turned into gradients for this many tokens at a time: at 4096 entries a
// chunk of f32 logits is 4 MB, near the size of a core's cache.
constexpr std::int64_t kHeadChunk = 256;

template <typename A>
class LanePassOf final : public LanePass {
 public:
  LanePassOf(const ParameterLayout& layout, const Options& options)
      : layout_(layout),
        z_(layout.config(), options.micro_batch_tokens, options.seq_len),
        states_(layout.blocks().size()),
        layers_(layout.config(), weights_),
        pass_(layout_, z_, layers_, scratch_) {
    CHECK(options.micro_batch_tokens >= options.seq_len);
    LayOutAll();
    arena_.Allocate();
    LayOutAll();
    WriteRopeTables();
  }

  void Run(const PackedBatch& batch, std::int64_t first, std::int64_t rows, const ModelViews& model,
           const LossOptions& loss, std::span<float> gradients, PassStats& stats) override;
  std::size_t bytes() const override { return arena_.bytes(); }

 private:
  // The chosen rows whose targets count, and their places in the micro-batch.
  struct Targets {
    std::int32_t* index = nullptr;   // [T] row of each target, -1 padding.
    std::int32_t* target = nullptr;  // [T]
    std::int64_t count = 0;
  };

  void LayOutAll();
  void WriteRopeTables();
  void RunMicroBatch(const PackedBatch& batch, std::int64_t first, std::int64_t rows,
                     const ModelViews& model, const LossOptions& loss, float* gradients,
                     PassStats& stats);
  void Embed(std::int64_t offset);
  void EmbedBackward(std::int64_t offset, const float* d_x, float* gradients);
  double Head(const Targets& targets, const A* hidden, double weight, double z_loss,
              bool train_head, float* d_hidden, float* gradients);
  void Mtp(const PackedBatch& batch, std::int64_t first, const ModelViews& model,
           const LossOptions& loss, float* gradients, PassStats& stats);
  void MtpBackward(const LossOptions& loss, float* gradients);
  Targets Collect(const PackedBatch& batch, std::int64_t first, std::int64_t ahead, bool isolate);
  void ForwardBlock(std::size_t index, const ModelViews& model, const LossOptions& loss,
                    PassStats& stats);
  void JoinMtpHalf(const NormState<A>& half, std::int64_t at);
  NormWeight FinalNorm() const { return {layout_.final_norm(), z_.hidden}; }
  LinearWeight HeadWeight() const {
    return {layout_.head(), layout_.config().vocab_size, z_.hidden};
  }
  LinearWeight MtpProj() const { return {layout_.mtp().eh_proj, z_.hidden, 2 * z_.hidden}; }

  const ParameterLayout& layout_;
  PassSizes z_;
  Arena arena_;
  WeightViews<A> weights_;
  std::vector<BlockState<A>> states_;
  Scratch<A> scratch_;
  Layers<A> layers_;
  BlockPass<A> pass_;
  MicroBatch micro_;
  const std::int32_t* tokens_ = nullptr;  // [rows, S + 1] of the micro-batch.

  float* cos_ = nullptr;               // [S, rope]
  float* sin_ = nullptr;               // [S, rope]
  std::int32_t* first_key_ = nullptr;  // [T]
  float* x_ = nullptr;                 // [T, D] residual stream.
  float* d_x_ = nullptr;               // [T, D]
  NormState<A> final_;                 // [T, D] after the final norm.
  float* d_final_ = nullptr;           // [T, D]
  std::int32_t* target_index_ = nullptr;
  std::int32_t* target_ = nullptr;
  A* target_hidden_ = nullptr;        // [T, D] rows of the hidden states that have a target.
  float* d_target_hidden_ = nullptr;  // [T, D]
  A* d_logits_ = nullptr;             // [T, V]
  float* logits_ = nullptr;           // [kHeadChunk, V]
  float* losses_ = nullptr;           // [kHeadChunk]
  float* log_sums_ = nullptr;         // [kHeadChunk]
  // MTP module.
  NormState<A> mtp_embedding_;  // [T, D] the next token's, normed.
  NormState<A> mtp_hidden_;     // [T, D] the final state, normed once more.
  A* mtp_joined_ = nullptr;     // [T, 2 * D]
  A* d_mtp_ = nullptr;          // [T, D] gradient by the module's input, rounded.
  NormState<A> mtp_final_;      // [T, D]
};

template <typename A>
void LanePassOf<A>::LayOutAll() {
  const std::int64_t d = z_.tokens * z_.hidden, vocabulary = layout_.config().vocab_size;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    LayOut(z_, layout_.blocks()[i], arena_, states_[i]);
  }
  LayOut(z_, arena_, scratch_);
  cos_ = arena_.Take<float>(z_.seq_len * z_.rope);
  sin_ = arena_.Take<float>(z_.seq_len * z_.rope);
  first_key_ = arena_.Take<std::int32_t>(z_.tokens);
  x_ = arena_.Take<float>(d);
  d_x_ = arena_.Take<float>(d);
  final_ = TakeNorm<A>(arena_, z_.tokens, z_.hidden);
  d_final_ = arena_.Take<float>(d);
  target_index_ = arena_.Take<std::int32_t>(z_.tokens + kExpertRowsMultiple);
  target_ = arena_.Take<std::int32_t>(z_.tokens + kExpertRowsMultiple);
  const std::int64_t target_rows = z_.tokens + kExpertRowsMultiple;
  target_hidden_ = arena_.Take<A>(target_rows * z_.hidden);
  d_target_hidden_ = arena_.Take<float>(target_rows * z_.hidden);
  d_logits_ = arena_.Take<A>(target_rows * vocabulary);
  logits_ = arena_.Take<float>(kHeadChunk * vocabulary);
  losses_ = arena_.Take<float>(kHeadChunk);
  log_sums_ = arena_.Take<float>(kHeadChunk);
  if (!layout_.has_mtp()) return;
  mtp_embedding_ = TakeNorm<A>(arena_, z_.tokens, z_.hidden);
  mtp_hidden_ = TakeNorm<A>(arena_, z_.tokens, z_.hidden);
  mtp_joined_ = arena_.Take<A>(2 * d);
  d_mtp_ = arena_.Take<A>(d);
  mtp_final_ = TakeNorm<A>(arena_, z_.tokens, z_.hidden);
}

template <typename A>
void LanePassOf<A>::WriteRopeTables() {
  const kernels::RopeTable table = model::MakeRopeTable(layout_.config());
  std::vector<float> cos(table.frequency.size()), sin(cos);
  for (std::int64_t position = 0; position < z_.seq_len; ++position) {
    kernels::RopeAngles(table, position, cos.data(), sin.data());
    for (std::int64_t i = 0; i < z_.rope; ++i) {
      const std::size_t pair = static_cast<std::size_t>(i / 2);
      cos_[position * z_.rope + i] = cos[pair];
      sin_[position * z_.rope + i] = i % 2 == 0 ? -sin[pair] : sin[pair];
    }
  }
}

template <typename A>
void LanePassOf<A>::Run(const PackedBatch& batch, std::int64_t first, std::int64_t rows,
                        const ModelViews& model, const LossOptions& loss,
                        std::span<float> gradients, PassStats& stats) {
  CHECK(batch.seq_len <= z_.seq_len);
  stats.expert_count.resize(static_cast<std::size_t>(layout_.router_bias_count()));
  weights_.master = model.master;
  if constexpr (std::is_same_v<A, float>) {
    weights_.product = model.master;
  } else {
    weights_.product = model.rounded;
  }
  const std::int64_t rows_at_once = std::max<std::int64_t>(1, z_.tokens / batch.seq_len);
  for (std::int64_t done = 0; done < rows; done += rows_at_once) {
    RunMicroBatch(batch, first + done, std::min(rows_at_once, rows - done), model, loss,
                  gradients.empty() ? nullptr : gradients.data(), stats);
  }
}

template <typename A>
void LanePassOf<A>::RunMicroBatch(const PackedBatch& batch, std::int64_t first, std::int64_t rows,
                                  const ModelViews& model, const LossOptions& loss,
                                  float* gradients, PassStats& stats) {
  const std::int64_t s = batch.seq_len, tokens = rows * s;
  tokens_ = batch.tokens.data() + first * (s + 1);
  const std::int32_t* segment = batch.segment.data() + first * s;
  for (std::int64_t row = 0; row < rows; ++row) {
    std::int32_t start = 0;
    for (std::int64_t i = 0; i < s; ++i) {
      const std::int64_t t = row * s + i;
      if (loss.isolate && i > 0 && segment[t] != segment[t - 1]) {
        start = static_cast<std::int32_t>(i);
      }
      first_key_[t] = start;
    }
  }
  micro_ = {.rows = rows, .seq_len = s, .first_key = first_key_, .cos = cos_, .sin = sin_};
  Embed(0);
  const std::size_t trunk = static_cast<std::size_t>(layout_.config().num_hidden_layers);
  for (std::size_t i = 0; i < trunk; ++i) ForwardBlock(i, model, loss, stats);
  layers_.Norm(tokens, FinalNorm(), x_, z_.hidden, final_);
  const bool trains_trunk = gradients != nullptr && !loss.mtp_only;
  const Targets targets = Collect(batch, first, 0, false);
  stats.loss += Head(targets, final_.out, loss.target_weight, loss.z_loss, true,
                     trains_trunk ? d_final_ : nullptr, gradients);
  stats.targets += targets.count;
  if (loss.mtp_weight > 0 && layout_.has_mtp()) Mtp(batch, first, model, loss, gradients, stats);
  if (!trains_trunk) return;
  layers_.NormBackward(tokens, FinalNorm(), final_, d_final_, d_x_, z_.hidden, gradients);
  for (std::size_t i = trunk; i-- > 0;) {
    pass_.Backward(micro_, layout_.blocks()[i], states_[i], d_x_, gradients);
  }
  EmbedBackward(0, d_x_, gradients);
}

// Block `index` on x_, with its own router bias and counters.
template <typename A>
void LanePassOf<A>::ForwardBlock(std::size_t index, const ModelViews& model,
                                 const LossOptions& loss, PassStats& stats) {
  const BlockOffsets& block = layout_.blocks()[index];
  const std::int64_t bias_at = block.is_moe ? block.moe_index * z_.experts : 0;
  const auto bias = model.router_bias.subspan(
      static_cast<std::size_t>(bias_at), static_cast<std::size_t>(block.is_moe ? z_.experts : 0));
  stats.balance_loss += pass_.Forward(
      micro_, block, bias, {.alpha = loss.balance_alpha, .sequence_weight = loss.sequence_weight},
      states_[index], x_, stats.expert_count.data() + bias_at);
}

// x = embedding of the token `offset` places ahead of each position.
template <typename A>
void LanePassOf<A>::Embed(std::int64_t offset) {
  const float* table = weights_.master + layout_.embedding();
  const std::size_t bytes = static_cast<std::size_t>(z_.hidden) * sizeof(float);
  for (std::int64_t t = 0; t < micro_.tokens(); ++t) {
    const std::int64_t row = t / micro_.seq_len, i = t % micro_.seq_len;
    const std::int64_t token = tokens_[row * (micro_.seq_len + 1) + i + offset];
    std::memcpy(x_ + t * z_.hidden, table + token * z_.hidden, bytes);
  }
}

template <typename A>
void LanePassOf<A>::EmbedBackward(std::int64_t offset, const float* d_x, float* gradients) {
  float* table = gradients + layout_.embedding();
  for (std::int64_t t = 0; t < micro_.tokens(); ++t) {
    const std::int64_t row = t / micro_.seq_len, i = t % micro_.seq_len;
    const std::int64_t token = tokens_[row * (micro_.seq_len + 1) + i + offset];
    kernels::AddTo(d_x + t * z_.hidden, table + token * z_.hidden, z_.hidden);
  }
}

// Positions whose target (the token after the next `ahead` ones) counts.
template <typename A>
auto LanePassOf<A>::Collect(const PackedBatch& batch, std::int64_t first, std::int64_t ahead,
                            bool isolate) -> Targets {
  const std::int64_t s = batch.seq_len;
  Targets targets{.index = target_index_, .target = target_, .count = 0};
  for (std::int64_t row = 0; row < micro_.rows; ++row) {
    const std::uint8_t* mask = batch.loss_mask.data() + (first + row) * s;
    const std::int32_t* segment = batch.segment.data() + (first + row) * s;
    for (std::int64_t i = 0; i + ahead < s; ++i) {
      if (mask[i + ahead] == 0 || (isolate && segment[i] != segment[i + ahead])) continue;
      targets.index[targets.count] = static_cast<std::int32_t>(row * s + i);
      targets.target[targets.count] = tokens_[row * (s + 1) + i + ahead + 1];
      ++targets.count;
    }
  }
  return targets;
}

// Losses of the targets; with d_hidden also the gradient by `hidden` (all rows written) and, when
// `train_head`, by the head.
template <typename A>
double LanePassOf<A>::Head(const Targets& targets, const A* hidden, double weight, double z_loss,
                           bool train_head, float* d_hidden, float* gradients) {
  const std::int64_t vocabulary = layout_.config().vocab_size, d = z_.hidden;
  const std::int64_t padded = PadRows(targets.count);
  for (std::int64_t i = targets.count; i < padded; ++i) {
    targets.index[i] = -1;
    targets.target[i] = 0;
  }
  kernels::GatherRows(hidden, targets.index, target_hidden_, padded, d);
  double loss = 0;
  for (std::int64_t at = 0; at < padded; at += kHeadChunk) {
    const std::int64_t rows = std::min(kHeadChunk, padded - at);
    const std::int64_t counted = std::min(rows, targets.count - at);
    A* d_logits = d_logits_ + at * vocabulary;
    layers_.Linear(rows, HeadWeight(), target_hidden_ + at * d, logits_);
    kernels::CrossEntropy(
        kernels::CrossEntropyJob<A>{.logits = logits_,
                                    .target = targets.target + at,
                                    .d_logits = d_hidden == nullptr ? nullptr : d_logits,
                                    .loss = losses_,
                                    .log_sum = log_sums_,
                                    .grad_scale = static_cast<float>(weight),
                                    .z_loss = static_cast<float>(z_loss),
                                    .rows = counted,
                                    .vocabulary = vocabulary});
    for (std::int64_t i = 0; i < counted; ++i) loss += losses_[i];
    if (d_hidden != nullptr) {
      std::fill(d_logits + counted * vocabulary, d_logits + rows * vocabulary, A{});
    }
  }
  if (d_hidden == nullptr) return loss;
  std::fill_n(d_hidden, micro_.tokens() * d, 0.0f);
  if (targets.count == 0) return loss;
  layers_.InputGradient(padded, HeadWeight(), d_logits_, d_target_hidden_);
  for (std::int64_t i = 0; i < targets.count; ++i) {
    std::memcpy(d_hidden + targets.index[i] * d, d_target_hidden_ + i * d,
                static_cast<std::size_t>(d) * sizeof(float));
  }
  if (train_head) {
    layers_.AddWeightGradient(padded, HeadWeight(), d_logits_, target_hidden_, gradients);
  }
  return loss;
}

// The MTP module: joins the normed embedding of the next token with the normed final state, runs
// one block and predicts the token after the next with the model's own head. Overwrites x_. The
// last position of a row has no such target; it is computed and not counted.
template <typename A>
void LanePassOf<A>::Mtp(const PackedBatch& batch, std::int64_t first, const ModelViews& model,
                        const LossOptions& loss, float* gradients, PassStats& stats) {
  const std::int64_t tokens = micro_.tokens(), d = z_.hidden;
  Embed(1);
  layers_.Norm(tokens, {layout_.mtp().embedding_norm, d}, x_, d, mtp_embedding_);
  layers_.Norm(tokens, {layout_.mtp().hidden_norm, d}, final_.out, d, mtp_hidden_);
  JoinMtpHalf(mtp_embedding_, 0);
  JoinMtpHalf(mtp_hidden_, d);
  layers_.Linear(tokens, MtpProj(), mtp_joined_, x_);
  ForwardBlock(states_.size() - 1, model, loss, stats);
  layers_.Norm(tokens, {layout_.mtp().head_norm, d}, x_, d, mtp_final_);
  const Targets targets = Collect(batch, first, 1, loss.isolate);
  // d_x_ is free until the trunk's backward pass: it takes the gradient by mtp_final_.
  stats.mtp_loss += Head(targets, mtp_final_.out, loss.mtp_weight * loss.mtp_target_weight, 0,
                         !loss.mtp_only, gradients == nullptr ? nullptr : d_x_, gradients);
  stats.mtp_targets += targets.count;
  if (gradients != nullptr) MtpBackward(loss, gradients);
}

template <typename A>
void LanePassOf<A>::JoinMtpHalf(const NormState<A>& half, std::int64_t at) {
  const std::int64_t d = z_.hidden;
  for (std::int64_t t = 0; t < micro_.tokens(); ++t) {
    std::memcpy(mtp_joined_ + t * 2 * d + at, half.out + t * d,
                static_cast<std::size_t>(d) * sizeof(A));
  }
}

template <typename A>
void LanePassOf<A>::MtpBackward(const LossOptions& loss, float* gradients) {
  const std::int64_t tokens = micro_.tokens(), d = z_.hidden;
  const MtpOffsets& mtp = layout_.mtp();
  layers_.NormBackward(tokens, {mtp.head_norm, d}, mtp_final_, d_x_, x_, d, gradients);
  pass_.Backward(micro_, layout_.blocks().back(), states_.back(), x_, gradients);
  kernels::Convert(x_, d_mtp_, tokens * d);
  layers_.AddWeightGradient(tokens, MtpProj(), d_mtp_, mtp_joined_, gradients);
  // One half of the joined input at a time: embedding, then hidden state. Both norms' own weights
  // are trained always, what lies below only with the trunk.
  for (const bool is_hidden : {false, true}) {
    kernels::Gemm({.m = tokens, .n = d, .k = d}, GemmMatrix<const A>{d_mtp_, d},
                  GemmMatrix<const A>{weights_.product + mtp.eh_proj + (is_hidden ? d : 0), 2 * d},
                  GemmMatrix<float>{d_x_, d});
    const NormWeight norm{is_hidden ? mtp.hidden_norm : mtp.embedding_norm, d};
    const bool adds_to_trunk = is_hidden && !loss.mtp_only;
    layers_.NormBackward(tokens, norm, is_hidden ? mtp_hidden_ : mtp_embedding_, d_x_,
                         adds_to_trunk ? d_final_ : x_, d, gradients, adds_to_trunk);
    if (!is_hidden && !loss.mtp_only) EmbedBackward(1, x_, gradients);
  }
}

}  // namespace

void PassStats::Add(const PassStats& other) {
  loss += other.loss;
  targets += other.targets;
  mtp_loss += other.mtp_loss;
  mtp_targets += other.mtp_targets;
  balance_loss += other.balance_loss;
  expert_count.resize(std::max(expert_count.size(), other.expert_count.size()));
  for (std::size_t i = 0; i < other.expert_count.size(); ++i) {
    expert_count[i] += other.expert_count[i];
  }
}

std::int64_t CountTargets(const PackedBatch& batch, std::int64_t first, std::int64_t rows) {
  const auto begin = batch.loss_mask.begin() + first * batch.seq_len;
  return std::count_if(begin, begin + rows * batch.seq_len,
                       [](std::uint8_t counts) { return counts != 0; });
}

std::int64_t CountMtpTargets(const PackedBatch& batch, bool isolate, std::int64_t first,
                             std::int64_t rows) {
  std::int64_t count = 0;
  for (std::int64_t row = first; row < first + rows; ++row) {
    for (std::int64_t i = 0; i + 1 < batch.seq_len; ++i) {
      const std::int64_t t = row * batch.seq_len + i;
      if (batch.loss_mask[t + 1] == 0) continue;
      count += !isolate || batch.segment[t] == batch.segment[t + 1];
    }
  }
  return count;
}

std::unique_ptr<LanePass> LanePass::Make(const ParameterLayout& layout, const Options& options) {
  if (options.bf16) return std::make_unique<LanePassOf<Bf16>>(layout, options);
  return std::make_unique<LanePassOf<float>>(layout, options);
}

}  // namespace holdfast::trainer
