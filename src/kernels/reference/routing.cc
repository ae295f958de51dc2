#include "kernels/routing.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace holdfast::kernels::reference {
namespace {

std::vector<double> Scores(const float* logits, const RoutingOptions& options) {
  std::vector<double> scores(logits, logits + options.expert_count);
  if (options.is_sigmoid) {
    for (double& score : scores) score = 1.0 / (1.0 + std::exp(-score));
    return scores;
  }
  const double largest = *std::ranges::max_element(scores);
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  for (double& score : scores) score /= sum;
  return scores;
}

std::vector<std::int32_t> Ranking(const std::vector<double>& values) {
  std::vector<std::int32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](auto a, auto b) { return values[a] > values[b]; });
  return order;
}

}  // namespace

void Route(const float* logits, const float* bias, const RoutingOptions& options,
           std::int32_t* index, float* weight) {
  const std::vector<double> scores = Scores(logits, options);
  std::vector<double> choice = scores;
  if (bias != nullptr) {
    for (std::size_t i = 0; i < choice.size(); ++i) choice[i] += bias[i];
  }
  if (options.group_count > 1) {
    const std::int64_t size = options.expert_count / options.group_count;
    std::vector<double> ranks(options.group_count);
    for (std::int64_t group = 0; group < options.group_count; ++group) {
      std::vector<double> members(choice.begin() + group * size,
                                  choice.begin() + (group + 1) * size);
      std::ranges::sort(members, std::greater<>());
      ranks[group] = members[0];
      if (options.ranks_groups_by_two && size > 1) ranks[group] += members[1];
    }
    const std::vector<std::int32_t> order = Ranking(ranks);
    for (std::int64_t i = options.chosen_group_count; i < options.group_count; ++i) {
      std::fill_n(choice.begin() + order[i] * size, size, -std::numeric_limits<double>::infinity());
    }
  }
  const std::vector<std::int32_t> order = Ranking(choice);
  double sum = 0;
  for (std::int64_t k = 0; k < options.chosen_count; ++k) sum += scores[order[k]];
  for (std::int64_t k = 0; k < options.chosen_count; ++k) {
    const double share = options.normalizes ? scores[order[k]] / (sum + 1e-20) : scores[order[k]];
    index[k] = order[k];
    weight[k] = static_cast<float>(share * options.scale);
  }
}

}  // namespace holdfast::kernels::reference
