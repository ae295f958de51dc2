#include "model/feed_forward.h"

#include <algorithm>

namespace holdfast::model {
namespace {

// Floating-point operations of one silu(gate) * up, for ForEachRow.
constexpr std::int64_t kActivationCost = 8;

}  // namespace

FeedForward::FeedForward(const ModelConfig& config, const Operations& operations,
                         parallel::ThreadPool& pool)
    : config_(config),
      operations_(operations),
      pool_(pool),
      routing_{.expert_count = config.n_routed_experts,
               .chosen_count = config.num_experts_per_tok,
               .group_count = config.topk_method == TopkMethod::kGreedy ? 1 : config.n_group,
               .chosen_group_count = config.topk_group,
               .is_sigmoid = config.scoring_func == ScoringFunc::kSigmoid,
               .ranks_groups_by_two = config.topk_method == TopkMethod::kNoauxTc,
               .normalizes = config.norm_topk_prob,
               .scale = static_cast<float>(config.routed_scaling_factor)},
      expert_begin_(config.n_routed_experts + 1),
      expert_next_(config.n_routed_experts) {}

void FeedForward::Run(const LayerWeights& layer, std::int64_t rows, const float* x,
                      float* residual) {
  const std::int64_t d = config_.hidden_size, experts = config_.n_routed_experts;
  const std::int64_t k = config_.num_experts_per_tok, inner = config_.moe_intermediate_size;
  const std::int64_t dense_inner = layer.dense.gate.out();
  float* gate = gate_.Get(rows * dense_inner);
  float* up = up_.Get(rows * dense_inner);
  float* down = down_.Get(rows * d);

  jobs_.clear();
  if (layer.is_moe) {
    jobs_.push_back({&layer.router, x, d, router_logits_.Get(rows * experts), experts, rows});
  }
  if (dense_inner > 0) {
    jobs_.push_back({&layer.dense.gate, x, d, gate, dense_inner, rows});
    jobs_.push_back({&layer.dense.up, x, d, up, dense_inner, rows});
  }
  kernels::MatMul(jobs_, pool_);

  jobs_.clear();
  if (layer.is_moe) {
    RouteRows(layer, rows);
    SortByExpert(rows);
    const std::int32_t* pair_row = pair_row_.Get(0);
    float* pair_gate = pair_gate_.Get(rows * k * inner);
    float* pair_up = pair_up_.Get(rows * k * inner);
    for (std::int64_t e = 0; e < experts; ++e) {
      const std::int64_t begin = expert_begin_[e], count = expert_begin_[e + 1] - begin;
      if (count == 0) continue;
      const FeedForwardWeights& expert = layer.experts[e];
      jobs_.push_back(
          {&expert.gate, x, d, pair_gate + begin * inner, inner, count, pair_row + begin});
      jobs_.push_back({&expert.up, x, d, pair_up + begin * inner, inner, count, pair_row + begin});
    }
    kernels::MatMul(jobs_, pool_);
    ActivateRows(pair_gate, pair_up, rows * k, inner);
    jobs_.clear();
    float* pair_down = pair_down_.Get(rows * k * d);
    for (std::int64_t e = 0; e < experts; ++e) {
      const std::int64_t begin = expert_begin_[e], count = expert_begin_[e + 1] - begin;
      if (count == 0) continue;
      jobs_.push_back({&layer.experts[e].down, pair_gate + begin * inner, inner,
                       pair_down + begin * d, d, count});
    }
  }
  if (dense_inner > 0) {
    ActivateRows(gate, up, rows, dense_inner);
    jobs_.push_back({&layer.dense.down, gate, dense_inner, down, d, rows});
  }
  kernels::MatMul(jobs_, pool_);

  const std::int32_t* pair_place = pair_place_.Get(0);
  const float* weight = weight_.Get(0);
  const float* pair_down = pair_down_.Get(0);
  ForEachRow(pool_, rows, 2 * d * (layer.is_moe ? k + 1 : 1), [&](std::int64_t row) {
    float* target = residual + row * d;
    if (dense_inner > 0) operations_.add_scaled(target, down + row * d, 1.0f, d);
    for (std::int64_t choice = 0; layer.is_moe && choice < k; ++choice) {
      operations_.add_scaled(target, pair_down + pair_place[row * k + choice] * d,
                             weight[row * k + choice], d);
    }
  });
}

void FeedForward::RouteRows(const LayerWeights& layer, std::int64_t rows) {
  const std::int64_t experts = config_.n_routed_experts, k = config_.num_experts_per_tok;
  const float* logits = router_logits_.Get(0);
  float* weight = weight_.Get(rows * k);
  std::int32_t* chosen = chosen_.Get(rows * k);
  const float* bias = layer.router_bias.empty() ? nullptr : layer.router_bias.data();
  ForEachRow(pool_, rows, 8 * experts * k, [&](std::int64_t row) {
    operations_.route(logits + row * experts, bias, routing_, chosen + row * k, weight + row * k);
  });
}

// Counting sort of the (token, choice) pairs by expert; stable, so an expert's tokens stay in the
// order of the batch.
void FeedForward::SortByExpert(std::int64_t rows) {
  const std::int64_t pairs = rows * config_.num_experts_per_tok;
  const std::int32_t* chosen = chosen_.Get(0);
  std::int32_t* pair_place = pair_place_.Get(pairs);
  std::int32_t* pair_row = pair_row_.Get(pairs);
  std::ranges::fill(expert_begin_, 0);
  for (std::int64_t pair = 0; pair < pairs; ++pair) ++expert_begin_[chosen[pair] + 1];
  for (std::size_t e = 1; e < expert_begin_.size(); ++e) expert_begin_[e] += expert_begin_[e - 1];
  std::copy(expert_begin_.begin(), expert_begin_.end() - 1, expert_next_.begin());
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    const std::int64_t place = expert_next_[chosen[pair]]++;
    pair_place[pair] = static_cast<std::int32_t>(place);
    pair_row[place] = static_cast<std::int32_t>(pair / config_.num_experts_per_tok);
  }
}

void FeedForward::ActivateRows(float* gate, const float* up, std::int64_t rows,
                               std::int64_t inner) {
  ForEachRow(pool_, rows, kActivationCost * inner, [&](std::int64_t row) {
    operations_.silu_mul(gate + row * inner, up + row * inner, inner, gate + row * inner);
  });
}

}  // namespace holdfast::model
