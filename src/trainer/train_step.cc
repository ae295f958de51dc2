#include "trainer/train_step.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "kernels/train_ops.h"

namespace holdfast::trainer {
namespace {

// Gradients are summed and measured in pieces of this many numbers: one piece of every lane fits a
// core's cache, and the order of the sums does not depend on the workers.
constexpr std::int64_t kSumPiece = 1 << 15;

LossOptions MakeLossOptions(const PackedBatch& batch, const StepOptions& options, bool has_mtp) {
  const std::int64_t targets = CountTargets(batch, 0, batch.rows);
  const std::int64_t mtp_targets =
      has_mtp ? CountMtpTargets(batch, options.isolate, 0, batch.rows) : 0;
  return {.balance_alpha = options.balance_alpha,
          .z_loss = options.z_loss,
          .mtp_weight = options.mtp_weight,
          .mtp_only = options.mtp_only,
          .isolate = options.isolate,
          .target_weight = targets > 0 ? 1.0 / static_cast<double>(targets) : 0.0,
          .sequence_weight = 1.0 / static_cast<double>(batch.rows),
          .mtp_target_weight = mtp_targets > 0 ? 1.0 / static_cast<double>(mtp_targets) : 0.0};
}

TrainedPart PartOf(const StepOptions& options) {
  if (options.mtp_only) return TrainedPart::kMtp;
  return options.mtp_weight > 0 ? TrainedPart::kAll : TrainedPart::kTrunk;
}

StepResult Summarise(const PassStats& stats, std::int64_t experts) {
  StepResult result;
  result.targets = stats.targets;
  result.mtp_targets = stats.mtp_targets;
  if (stats.targets > 0) result.loss = stats.loss / static_cast<double>(stats.targets);
  if (stats.mtp_targets > 0) {
    result.mtp_loss = stats.mtp_loss / static_cast<double>(stats.mtp_targets);
  }
  result.balance_loss = stats.balance_loss;
  result.expert_count = stats.expert_count;
  for (std::size_t at = 0; experts > 0 && at < stats.expert_count.size();
       at += static_cast<std::size_t>(experts)) {
    std::int64_t sum = 0, max = 0;
    for (std::int64_t e = 0; e < experts; ++e) {
      sum += stats.expert_count[at + static_cast<std::size_t>(e)];
      max = std::max(max, stats.expert_count[at + static_cast<std::size_t>(e)]);
    }
    if (sum == 0) continue;
    result.expert_load_max = std::max(
        result.expert_load_max, static_cast<double>(max * experts) / static_cast<double>(sum));
  }
  return result;
}

}  // namespace

TrainState::TrainState(const ParameterLayout& layout, const TrainStateOptions& options,
                       parallel::ThreadPool& pool)
    : layout_(layout),
      options_(options),
      pool_(pool),
      weights_(static_cast<std::size_t>(layout.count())),
      rounded_(options.bf16 ? static_cast<std::size_t>(layout.count()) : 0),
      router_bias_(static_cast<std::size_t>(layout.router_bias_count())),
      optimizer_(layout, options.optimizer, pool.worker_count()) {
  CHECK(options.lanes >= 1);
  layout.Initialise(options.seed, options.init_deviation, weights_);
  RefreshRounded();
  for (int worker = 0; worker < std::min(pool.worker_count(), options.lanes); ++worker) {
    passes_.push_back(LanePass::Make(layout, {.bf16 = options.bf16,
                                              .micro_batch_tokens = options.micro_batch_tokens,
                                              .seq_len = options.seq_len_max}));
  }
  for (int lane = 0; lane < options.lanes; ++lane) {
    gradients_.emplace_back(static_cast<std::size_t>(layout.count()));
  }
}

StepResult TrainState::Step(const PackedBatch& batch, const StepOptions& options) {
  const LossOptions loss = MakeLossOptions(batch, options, layout_.has_mtp());
  const PassStats stats = RunLanes(batch, loss, true);
  StepResult result = Summarise(stats, layout_.config().n_routed_experts);
  const TrainedPart part = PartOf(options);
  result.gradient_norm = std::sqrt(SumLanes(part));
  result.is_finite = std::isfinite(result.loss) && std::isfinite(result.gradient_norm);
  if (!result.is_finite) return result;
  const bool clips = options.clip_norm > 0 && result.gradient_norm > options.clip_norm;
  optimizer_.Step({.learning_rate = options.learning_rate,
                   .gradient_scale = clips ? options.clip_norm / result.gradient_norm : 1.0,
                   .part = part},
                  gradients_[0], weights_, rounded_, pool_);
  UpdateRouterBias(stats, options.bias_update_speed, part);
  return result;
}

StepResult TrainState::Evaluate(const PackedBatch& batch, const StepOptions& options) {
  const LossOptions loss = MakeLossOptions(batch, options, layout_.has_mtp());
  return Summarise(RunLanes(batch, loss, false), layout_.config().n_routed_experts);
}

PassStats TrainState::RunLanes(const PackedBatch& batch, const LossOptions& loss,
                               bool with_gradients) {
  const std::int64_t lanes = options_.lanes;
  const std::int64_t rows_per_lane = (batch.rows + lanes - 1) / lanes;
  std::vector<PassStats> stats(static_cast<std::size_t>(lanes));
  const ModelViews model{
      .master = weights_.data(), .rounded = rounded_.data(), .router_bias = router_bias_};
  pool_.Run(lanes, [&](std::int64_t lane, int worker) {
    const std::int64_t first = std::min(lane * rows_per_lane, batch.rows);
    const std::int64_t rows = std::min(rows_per_lane, batch.rows - first);
    tensor::AlignedBuffer<float>& gradients = gradients_[static_cast<std::size_t>(lane)];
    if (with_gradients) std::memset(gradients.data(), 0, gradients.size() * sizeof(float));
    passes_[static_cast<std::size_t>(worker)]->Run(
        batch, first, rows, model, loss,
        with_gradients ? std::span<float>(gradients) : std::span<float>(),
        stats[static_cast<std::size_t>(lane)]);
  });
  PassStats sum;
  for (const PassStats& lane : stats) sum.Add(lane);
  return sum;
}

double TrainState::SumLanes(TrainedPart part) {
  const std::int64_t begin = part == TrainedPart::kMtp ? layout_.mtp_begin() : 0;
  const std::int64_t end =
      part == TrainedPart::kTrunk && layout_.has_mtp() ? layout_.mtp_begin() : layout_.count();
  const std::int64_t pieces = (end - begin + kSumPiece - 1) / kSumPiece;
  std::vector<double> squares(static_cast<std::size_t>(pieces));
  pool_.Run(pieces, [&](std::int64_t piece, int) {
    const std::int64_t at = begin + piece * kSumPiece;
    const std::int64_t count = std::min(kSumPiece, end - at);
    float* sum = gradients_[0].data() + at;
    for (std::size_t lane = 1; lane < gradients_.size(); ++lane) {
      kernels::AddTo(gradients_[lane].data() + at, sum, count);
    }
    squares[static_cast<std::size_t>(piece)] = kernels::SumOfSquares(sum, count);
  });
  double total = 0;
  for (const double square : squares) total += square;
  return total;
}

// Auxiliary-loss-free balancing (DeepSeek-V3 report, section 2.1.2): after each step an expert that
// got more than the mean of the whole batch is made less likely to be chosen, and the other way.
void TrainState::UpdateRouterBias(const PassStats& stats, double speed, TrainedPart part) {
  const std::int64_t experts = layout_.config().n_routed_experts;
  if (speed == 0 || layout_.config().topk_method != model::TopkMethod::kNoauxTc) return;
  for (const BlockOffsets& block : layout_.blocks()) {
    if (!block.is_moe) continue;
    if (part == TrainedPart::kMtp && &block != &layout_.blocks().back()) continue;
    const std::int64_t at = block.moe_index * experts;
    std::int64_t sum = 0;
    for (std::int64_t e = 0; e < experts; ++e) sum += stats.expert_count[at + e];
    if (sum == 0) continue;
    for (std::int64_t e = 0; e < experts; ++e) {
      const std::int64_t excess = stats.expert_count[at + e] * experts - sum;
      if (excess == 0) continue;
      router_bias_[static_cast<std::size_t>(at + e)] +=
          static_cast<float>(excess > 0 ? -speed : speed);
    }
  }
}

void TrainState::RefreshRounded() {
  if (rounded_.empty()) return;
  kernels::Convert(weights_.data(), rounded_.data(), layout_.count());
}

std::size_t TrainState::activation_bytes() const {
  std::size_t bytes = 0;
  for (const auto& pass : passes_) bytes += pass->bytes();
  return bytes;
}

}  // namespace holdfast::trainer
