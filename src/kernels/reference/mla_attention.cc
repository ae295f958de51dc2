#include "kernels/mla_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace holdfast::kernels::reference {
namespace {

double Dot(const float* a, const float* b, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// Softmax-weighted sum of values over `scores.size()` keys, unnormalised.
template <typename ValueOf>
void WeighValues(const std::vector<double>& scores, std::int64_t width, const ValueOf& value_of,
                 float* out, float* max, float* sum) {
  std::vector<double> total(width);
  const double largest =
      scores.empty() ? -std::numeric_limits<double>::infinity() : *std::ranges::max_element(scores);
  double weights = 0;
  for (std::size_t j = 0; j < scores.size(); ++j) {
    const double weight = std::exp(scores[j] - largest);
    weights += weight;
    const float* value = value_of(j);
    for (std::int64_t i = 0; i < width; ++i) total[i] += weight * value[i];
  }
  std::ranges::copy(total, out);
  *max = static_cast<float>(largest);
  *sum = static_cast<float>(weights);
}

}  // namespace

void AbsorbedAttentionSpan(const AbsorbedAttention& task, const AttentionPartial& partial) {
  for (std::int64_t row = 0; row < task.rows; ++row) {
    const std::int64_t end = std::min<std::int64_t>(task.visible[row], task.key_end);
    std::vector<double> scores;
    for (std::int64_t p = task.key_begin; p < end; ++p) {
      scores.push_back(task.scale * Dot(task.query + row * task.query_stride,
                                        task.keys[p - task.key_begin], task.width));
    }
    WeighValues(
        scores, task.value_width, [&](std::size_t j) { return task.keys[j]; },
        partial.out + row * partial.out_stride, partial.max + row, partial.sum + row);
  }
}

void MergeAttention(const AttentionPartial& into, const AttentionPartial& next, std::int64_t rows,
                    std::int64_t width) {
  for (std::int64_t row = 0; row < rows; ++row) {
    if (next.sum[row] == 0) continue;
    const float largest = std::max(into.max[row], next.max[row]);
    const double keep = into.sum[row] == 0 ? 0 : std::exp(double{into.max[row]} - largest);
    const double add = std::exp(double{next.max[row]} - largest);
    float* out = into.out + row * into.out_stride;
    const float* other = next.out + row * next.out_stride;
    for (std::int64_t i = 0; i < width; ++i) {
      out[i] = static_cast<float>(out[i] * keep + other[i] * add);
    }
    into.sum[row] = static_cast<float>(into.sum[row] * keep + next.sum[row] * add);
    into.max[row] = largest;
  }
}

void FinishAttention(const AttentionPartial& partial, std::int64_t rows, std::int64_t width) {
  for (std::int64_t row = 0; row < rows; ++row) {
    float* out = partial.out + row * partial.out_stride;
    for (std::int64_t i = 0; i < width; ++i) {
      out[i] = partial.sum[row] == 0 ? 0.0f : out[i] / partial.sum[row];
    }
  }
}

void ExpandedAttentionRange(const ExpandedAttention& task, const AttentionPartial& partial) {
  std::vector<float> out(task.value_dim);
  for (std::int64_t row = 0; row < task.rows; ++row) {
    const float* query = task.query + row * task.query_stride;
    const std::int64_t end = std::min(task.first_position + row + 1, task.key_end);
    std::vector<double> scores;
    for (std::int64_t p = task.key_begin; p < end; ++p) {
      const std::int64_t j = p - task.key_begin;
      scores.push_back(task.scale * (Dot(query, task.key + j * task.key_stride, task.nope_dim) +
                                     Dot(query + task.nope_dim, task.rope_key[j], task.rope_dim)));
    }
    float max = 0, sum = 0;
    WeighValues(
        scores, task.value_dim,
        [&](std::size_t j) {
          return task.value + static_cast<std::int64_t>(j) * task.value_stride;
        },
        out.data(), &max, &sum);
    MergeAttention({partial.out + row * partial.out_stride, partial.out_stride, partial.max + row,
                    partial.sum + row},
                   {out.data(), task.value_dim, &max, &sum}, 1, task.value_dim);
  }
}

}  // namespace holdfast::kernels::reference
