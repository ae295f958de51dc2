// The router's rules on one micro-batch: scores, choice of experts, weights, and their gradient
// with the sequence-wise balance loss (DeepSeek-V3 report, section 2.1.2). Plain loops: a few per
// cent of a step. The router bias decides the choice only and has no gradient. T tokens, E experts,
// k chosen. Free functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>

#include "model/config.h"

namespace holdfast::trainer {

struct RouterResult {
  float* scores = nullptr;         // [T, E]
  std::int32_t* chosen = nullptr;  // [T, k]
  float* weights = nullptr;        // [T, k]
};

// `bias` [E]; read only when the topk_method has one.
void RouteTokens(const model::ModelConfig& config, const float* logits, std::span<const float> bias,
                 std::int64_t tokens, const RouterResult& result);

struct RouterGradient {
  const float* scores = nullptr;         // [T, E]
  const std::int32_t* chosen = nullptr;  // [T, k]
  const float* weights = nullptr;        // [T, k]
  const float* d_weights = nullptr;      // [T, k]
  // Gradient of the loss by the mean normalised score of each expert of a sequence; see
  // BalanceLoss. [T / seq_len, E]
  const float* d_mean = nullptr;
  std::int64_t seq_len = 0;
  float* d_logits = nullptr;  // [T, E]
};
void RouteTokensGrad(const model::ModelConfig& config, const RouterGradient& job,
                     std::int64_t tokens);

// alpha * sum over experts of f * P for each sequence, times `sequence_weight`, summed: f the
// expert's share of choices times E / k, P its mean normalised score. Writes d_mean = alpha * f *
// sequence_weight.
double BalanceLoss(const model::ModelConfig& config, const RouterResult& routing,
                   std::int64_t tokens, std::int64_t seq_len, double alpha, double sequence_weight,
                   float* d_mean);

}  // namespace holdfast::trainer
