#include "trainer/router.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace holdfast::trainer {
namespace {

// As the published implementation adds to the sum of the chosen scores.
constexpr float kNormEpsilon = 1e-20f;

void ComputeScores(const model::ModelConfig& config, const float* logits, float* scores) {
  const std::int64_t experts = config.n_routed_experts;
  if (config.scoring_func == model::ScoringFunc::kSigmoid) {
    for (std::int64_t e = 0; e < experts; ++e) scores[e] = 1.0f / (1.0f + std::exp(-logits[e]));
    return;
  }
  const float max = *std::max_element(logits, logits + experts);
  float sum = 0;
  for (std::int64_t e = 0; e < experts; ++e) sum += scores[e] = std::exp(logits[e] - max);
  for (std::int64_t e = 0; e < experts; ++e) scores[e] /= sum;
}

// Sets the choice scores of all but the best topk_group groups to -infinity.
void KeepBestGroups(const model::ModelConfig& config, std::vector<float>& choice) {
  constexpr float kHidden = -std::numeric_limits<float>::infinity();
  const std::int64_t width = config.n_routed_experts / config.n_group;
  std::vector<float> rank(static_cast<std::size_t>(config.n_group));
  for (std::int64_t g = 0; g < config.n_group; ++g) {
    float best = kHidden, second = kHidden;
    for (std::int64_t e = g * width; e < (g + 1) * width; ++e) {
      const float value = choice[e];
      if (value > best) {
        second = best;
        best = value;
      } else if (value > second) {
        second = value;
      }
    }
    const bool by_two = config.topk_method == model::TopkMethod::kNoauxTc && width > 1;
    rank[g] = by_two ? best + second : best;
  }
  for (std::int64_t g = 0; g < config.n_group; ++g) {
    std::int64_t better = 0;
    for (std::int64_t other = 0; other < config.n_group; ++other) {
      better += rank[other] > rank[g] || (rank[other] == rank[g] && other < g);
    }
    if (better < config.topk_group) continue;
    std::fill_n(choice.begin() + g * width, width, kHidden);
  }
}

}  // namespace

void RouteTokens(const model::ModelConfig& config, const float* logits, std::span<const float> bias,
                 std::int64_t tokens, const RouterResult& result) {
  const std::int64_t experts = config.n_routed_experts, k_count = config.num_experts_per_tok;
  const bool limits_groups = config.n_group > 1 && config.topk_method != model::TopkMethod::kGreedy;
  const bool has_bias = config.topk_method == model::TopkMethod::kNoauxTc;
  std::vector<float> choice(static_cast<std::size_t>(experts));
  for (std::int64_t t = 0; t < tokens; ++t) {
    float* scores = result.scores + t * experts;
    ComputeScores(config, logits + t * experts, scores);
    for (std::int64_t e = 0; e < experts; ++e) {
      choice[e] = scores[e] + (has_bias ? bias[e] : 0.0f);
    }
    if (limits_groups) KeepBestGroups(config, choice);
    float sum = 0;
    std::int32_t* chosen = result.chosen + t * k_count;
    for (std::int64_t k = 0; k < k_count; ++k) {
      const auto best = std::max_element(choice.begin(), choice.end());
      chosen[k] = static_cast<std::int32_t>(best - choice.begin());
      *best = -std::numeric_limits<float>::infinity();
      sum += scores[chosen[k]];
    }
    const float divisor = config.norm_topk_prob ? sum + kNormEpsilon : 1.0f;
    const float factor = static_cast<float>(config.routed_scaling_factor) / divisor;
    for (std::int64_t k = 0; k < k_count; ++k) {
      result.weights[t * k_count + k] = scores[chosen[k]] * factor;
    }
  }
}

void RouteTokensGrad(const model::ModelConfig& config, const RouterGradient& job,
                     std::int64_t tokens) {
  const std::int64_t experts = config.n_routed_experts, k_count = config.num_experts_per_tok;
  const float scaling = static_cast<float>(config.routed_scaling_factor);
  std::vector<float> d_scores(static_cast<std::size_t>(experts));
  for (std::int64_t t = 0; t < tokens; ++t) {
    const float* scores = job.scores + t * experts;
    const std::int32_t* chosen = job.chosen + t * k_count;
    const float* weights = job.weights + t * k_count;
    const float* d_weights = job.d_weights + t * k_count;
    const float* d_mean = job.d_mean + t / job.seq_len * experts;
    float score_sum = 0, chosen_sum = 0, mean_dot = 0, weight_dot = 0;
    for (std::int64_t e = 0; e < experts; ++e) {
      score_sum += scores[e];
      mean_dot += d_mean[e] * scores[e];
    }
    for (std::int64_t k = 0; k < k_count; ++k) {
      chosen_sum += scores[chosen[k]];
      weight_dot += d_weights[k] * weights[k];
    }
    // Balance loss, through s / sum(s), averaged over the sequence.
    const float per_token = 1.0f / (static_cast<float>(job.seq_len) * score_sum);
    for (std::int64_t e = 0; e < experts; ++e) {
      d_scores[e] = (d_mean[e] - mean_dot / score_sum) * per_token;
    }
    const float divisor = config.norm_topk_prob ? chosen_sum + kNormEpsilon : 1.0f;
    for (std::int64_t k = 0; k < k_count; ++k) {
      const float through_sum = config.norm_topk_prob ? weight_dot / divisor : 0.0f;
      d_scores[chosen[k]] += d_weights[k] * scaling / divisor - through_sum;
    }
    float* d_logits = job.d_logits + t * experts;
    if (config.scoring_func == model::ScoringFunc::kSigmoid) {
      for (std::int64_t e = 0; e < experts; ++e) {
        d_logits[e] = d_scores[e] * scores[e] * (1.0f - scores[e]);
      }
      continue;
    }
    float dot = 0;
    for (std::int64_t e = 0; e < experts; ++e) dot += d_scores[e] * scores[e];
    for (std::int64_t e = 0; e < experts; ++e) d_logits[e] = scores[e] * (d_scores[e] - dot);
  }
}

double BalanceLoss(const model::ModelConfig& config, const RouterResult& routing,
                   std::int64_t tokens, std::int64_t seq_len, double alpha, double sequence_weight,
                   float* d_mean) {
  const std::int64_t experts = config.n_routed_experts, k_count = config.num_experts_per_tok;
  double loss = 0;
  std::vector<double> share(static_cast<std::size_t>(experts));
  std::vector<double> mean(static_cast<std::size_t>(experts));
  for (std::int64_t first = 0; first < tokens; first += seq_len) {
    std::ranges::fill(share, 0.0);
    std::ranges::fill(mean, 0.0);
    for (std::int64_t t = first; t < first + seq_len; ++t) {
      const float* scores = routing.scores + t * experts;
      float sum = 0;
      for (std::int64_t e = 0; e < experts; ++e) sum += scores[e];
      const float inverse = 1.0f / sum;
      for (std::int64_t e = 0; e < experts; ++e) mean[e] += scores[e] * inverse;
      for (std::int64_t k = 0; k < k_count; ++k) share[routing.chosen[t * k_count + k]] += 1;
    }
    const double to_share = static_cast<double>(experts) / static_cast<double>(k_count * seq_len);
    float* out = d_mean + first / seq_len * experts;
    for (std::int64_t e = 0; e < experts; ++e) {
      const double slope = alpha * sequence_weight * share[e] * to_share;
      loss += slope * mean[e] / static_cast<double>(seq_len);
      out[e] = static_cast<float>(slope);
    }
  }
  return loss;
}

}  // namespace holdfast::trainer
