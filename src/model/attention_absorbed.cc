// The absorbed form: queries are taken into latent space, where all heads share the cached entries.
// Query rows are numbered [row of the group, head].
#include <algorithm>
#include <cmath>

#include "kernels/matmul.h"
#include "model/attention.h"

namespace holdfast::model {
namespace {

using kernels::AttentionPartial;
using kernels::kAttentionSpan;
using kernels::MatMulJob;

// Query rows of a task: enough that a tile of keys, once in the second-level cache, is used often.
constexpr std::int64_t kTaskRowsMax = 64;
constexpr std::int64_t kTaskRowsMin = 4;  // What the kernel computes side by side.
// Multiplications that are worth a task of their own: about 20 microseconds on one core.
constexpr std::int64_t kTaskWork = 1'000'000;

}  // namespace

// Query rows [begin, end) of one slice over the slice's spans [span_begin, span_end).
struct Attention::AbsorbedTask {
  const BatchSlice* slice;
  std::int64_t begin, end;
  std::int64_t span_begin, span_end;
  // First row in the buffers of partial results; -1: the task sees all spans and finishes itself.
  std::int64_t partial_row;
};

void Attention::RunAbsorbed(const AttentionWeights& weights, std::int64_t cache_layer,
                            const Batch& batch, std::int64_t row_begin, std::int64_t row_count,
                            const LatentCache& cache) {
  const std::int64_t qk = nope_ + rope_, query_rows = row_count * heads_;
  const float* q = q_.Get(0) + row_begin * heads_ * qk;
  float* absorbed_q = absorbed_q_.Get(query_rows * padded_width_);
  float* absorbed_out = absorbed_out_.Get(query_rows * padded_rank_);
  std::vector<MatMulJob> jobs;
  for (std::int64_t head = 0; head < heads_; ++head) {
    jobs.push_back({&weights.k_absorb[head], q + head * qk, heads_ * qk,
                    absorbed_q + head * padded_width_, heads_ * padded_width_, row_count});
  }
  kernels::MatMul(jobs, pool_);

  std::int32_t* visible = visible_.Get(query_rows);
  for (std::int64_t row = 0; row < query_rows; ++row) {
    float* rope_part = absorbed_q + row * padded_width_ + rank_;
    std::copy_n(q + row * qk + nope_, rope_, rope_part);
    std::fill(rope_part + rope_, absorbed_q + (row + 1) * padded_width_, 0.0f);
    visible[row] = batch.positions[row_begin + row / heads_] + 1;
  }
  max_.Get(query_rows);
  sum_.Get(query_rows);
  std::int64_t partial_rows = 0;
  const std::vector<AbsorbedTask> tasks = SplitAbsorbed(batch, row_begin, row_count, partial_rows);
  span_out_.Get(partial_rows * padded_rank_);
  span_max_.Get(partial_rows);
  span_sum_.Get(partial_rows);
  pool_.Run(static_cast<std::int64_t>(tasks.size()), [&](std::int64_t task, int worker) {
    RunAbsorbedTask(tasks[task], cache_layer, cache, worker);
  });
  if (partial_rows > 0) MergeSpans(tasks);

  float* output = output_.Get(0) + row_begin * heads_ * v_;
  for (std::int64_t head = 0; head < heads_; ++head) {
    jobs[head] = {&weights.v_up[head],   absorbed_out + head * padded_rank_,
                  heads_ * padded_rank_, output + head * v_,
                  heads_ * v_,           row_count};
  }
  kernels::MatMul(jobs, pool_);
}

// How the work is cut changes no result: a query row's arithmetic is its own, and spans are merged
// in rising order whoever computed them.
std::vector<Attention::AbsorbedTask> Attention::SplitAbsorbed(const Batch& batch,
                                                              std::int64_t row_begin,
                                                              std::int64_t row_count,
                                                              std::int64_t& partial_rows) const {
  std::int64_t work = 0;
  for (std::int64_t row = 0; row < row_count; ++row) {
    work += (batch.positions[row_begin + row] + 1) * heads_ * (padded_width_ + padded_rank_);
  }
  const std::int64_t workers = pool_.worker_count();
  const std::int64_t wanted = std::clamp<std::int64_t>(work / kTaskWork, 1, 4 * workers);
  const std::int64_t share = (row_count * heads_ + wanted - 1) / wanted;
  const std::int64_t task_rows = std::clamp(
      (share + kTaskRowsMin - 1) / kTaskRowsMin * kTaskRowsMin, kTaskRowsMin, kTaskRowsMax);

  std::vector<AbsorbedTask> tasks;
  for (std::int64_t row = row_begin; row < row_begin + row_count;) {
    const BatchSlice& slice = batch.slices[batch.slice_of[row]];
    const std::int64_t slice_end =
        std::min(slice.row_begin + slice.row_count, row_begin + row_count);
    const std::int64_t end = (slice_end - row_begin) * heads_;
    for (std::int64_t q = (row - row_begin) * heads_; q < end; q += task_rows) {
      const std::int64_t q_end = std::min(q + task_rows, end);
      const std::int64_t last = batch.positions[row_begin + (q_end - 1) / heads_];
      tasks.push_back({&slice, q, q_end, 0, last / kAttentionSpan + 1, -1});
    }
    row = slice_end;
  }
  if (static_cast<std::int64_t>(tasks.size()) >= 2 * workers || workers == 1) return tasks;

  std::vector<AbsorbedTask> split;
  for (const AbsorbedTask& task : tasks) {
    if (task.span_end == 1) {
      split.push_back(task);
      continue;
    }
    for (std::int64_t span = 0; span < task.span_end; ++span) {
      split.push_back({task.slice, task.begin, task.end, span, span + 1, partial_rows});
      partial_rows += task.end - task.begin;
    }
  }
  return split;
}

void Attention::RunAbsorbedTask(const AbsorbedTask& task, std::int64_t cache_layer,
                                const LatentCache& cache, int worker) {
  const std::int64_t rows = task.end - task.begin;
  const std::int32_t* visible = visible_.Get(0) + task.begin;
  // Rows of later positions see more keys; the last row sees the most.
  const std::int64_t keys_end = *std::max_element(visible, visible + rows);
  float* scratch = worker_scratch_[worker].Get(kTaskRowsMax * (padded_rank_ + 2));
  const AttentionPartial spare{scratch, padded_rank_, scratch + rows * padded_rank_,
                               scratch + rows * (padded_rank_ + 1)};
  const AttentionPartial total =
      task.partial_row >= 0
          ? AttentionPartial{span_out_.Get(0) + task.partial_row * padded_rank_, padded_rank_,
                             span_max_.Get(0) + task.partial_row,
                             span_sum_.Get(0) + task.partial_row}
          : AttentionPartial{absorbed_out_.Get(0) + task.begin * padded_rank_, padded_rank_,
                             max_.Get(0) + task.begin, sum_.Get(0) + task.begin};
  const float* keys[kAttentionSpan];
  for (std::int64_t span = task.span_begin; span < task.span_end; ++span) {
    const std::int64_t begin = span * kAttentionSpan;
    const std::int64_t end = std::min(begin + kAttentionSpan, keys_end);
    for (std::int64_t p = begin; p < end; ++p) {
      keys[p - begin] = cache.Entry(cache_layer, task.slice->block_table[p / cache.block_tokens()],
                                    p % cache.block_tokens());
    }
    const AttentionPartial& partial = span == task.span_begin ? total : spare;
    operations_.absorbed_attention_span(
        {absorbed_q_.Get(0) + task.begin * padded_width_, padded_width_, rows, visible, keys, begin,
         end, padded_width_, padded_rank_, scale_},
        partial);
    if (span > task.span_begin) {
      operations_.merge_attention(total, spare, rows, padded_rank_);
    }
  }
  if (task.partial_row < 0) operations_.finish_attention(total, rows, padded_rank_);
}

void Attention::MergeSpans(std::span<const AbsorbedTask> tasks) {
  pool_.Run(static_cast<std::int64_t>(tasks.size()), [&](std::int64_t index, int) {
    const AbsorbedTask& first = tasks[index];
    if (first.partial_row < 0 || first.span_begin > 0) return;
    const std::int64_t rows = first.end - first.begin;
    const auto partial_at = [&](std::int64_t row) {
      return AttentionPartial{span_out_.Get(0) + row * padded_rank_, padded_rank_,
                              span_max_.Get(0) + row, span_sum_.Get(0) + row};
    };
    const AttentionPartial total = partial_at(first.partial_row);
    for (std::size_t t = index + 1; t < tasks.size() && tasks[t].begin == first.begin; ++t) {
      operations_.merge_attention(total, partial_at(tasks[t].partial_row), rows, padded_rank_);
    }
    operations_.finish_attention(total, rows, padded_rank_);
    std::copy_n(total.out, rows * padded_rank_, absorbed_out_.Get(0) + first.begin * padded_rank_);
  });
}

}  // namespace holdfast::model
