// Routing: chooses the experts of one token from its router logits. Thread-safe.
// Sources: DeepSeek-V2 report section 2.2 (softmax, groups ranked by their best score) and V3
// report section 2.1.2 (sigmoid; a bias that counts for selection only; groups ranked by the sum of
// their two best biased scores). Groups not chosen are excluded outright, so an expert with a
// negative biased score in a chosen group still beats every expert outside.
#pragma once

#include <cstdint>

namespace holdfast::kernels {

constexpr std::int64_t kRoutingExpertsMax = 4096;

struct RoutingOptions {
  std::int64_t expert_count = 0;
  std::int64_t chosen_count = 0;  // Experts a token; <= expert_count.
  std::int64_t group_count = 1;   // Divides expert_count.
  std::int64_t chosen_group_count = 1;
  bool is_sigmoid = true;  // False: softmax over all experts.
  // Groups ranked by the sum of their two best scores; false: by the best.
  bool ranks_groups_by_two = true;
  bool normalizes = true;  // Weights divided by their sum, before `scale`.
  float scale = 1.0f;
};

// logits [expert_count]; bias [expert_count] or null. Writes index [chosen_count], best first (the
// lower index wins a tie), and weight [chosen_count].
void Route(const float* logits, const float* bias, const RoutingOptions& options,
           std::int32_t* index, float* weight);

namespace reference {
void Route(const float* logits, const float* bias, const RoutingOptions& options,
           std::int32_t* index, float* weight);
}  // namespace reference

}  // namespace holdfast::kernels
