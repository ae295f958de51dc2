// The small kernels a forward pass calls, as one table: the fast ones, or their plain twins when
// a model is loaded with LoadOptions::reference_kernels. Immutable, thread-safe.
#pragma once

#include "kernels/mla_attention.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/routing.h"
#include "kernels/silu_mul.h"
#include "parallel/thread_pool.h"

namespace holdfast::model {

struct Operations {
  decltype(&kernels::RmsNorm) rms_norm;
  decltype(&kernels::AddRmsNorm) add_rms_norm;
  decltype(&kernels::AddScaled) add_scaled;
  decltype(&kernels::Rope) rope;
  decltype(&kernels::SiluMul) silu_mul;
  decltype(&kernels::Route) route;
  decltype(&kernels::AbsorbedAttentionSpan) absorbed_attention_span;
  decltype(&kernels::MergeAttention) merge_attention;
  decltype(&kernels::FinishAttention) finish_attention;
  decltype(&kernels::ExpandedAttentionRange) expanded_attention_range;
};

inline constexpr Operations kFastOperations{
    kernels::RmsNorm,
    kernels::AddRmsNorm,
    kernels::AddScaled,
    kernels::Rope,
    kernels::SiluMul,
    kernels::Route,
    kernels::AbsorbedAttentionSpan,
    kernels::MergeAttention,
    kernels::FinishAttention,
    kernels::ExpandedAttentionRange,
};

inline constexpr Operations kReferenceOperations{
    kernels::reference::RmsNorm,
    kernels::reference::AddRmsNorm,
    kernels::reference::AddScaled,
    kernels::reference::Rope,
    kernels::reference::SiluMul,
    kernels::reference::Route,
    kernels::reference::AbsorbedAttentionSpan,
    kernels::reference::MergeAttention,
    kernels::reference::FinishAttention,
    kernels::reference::ExpandedAttentionRange,
};

// Calls body(row) for every row. Below about 20 microseconds of work on one core the pool's start
// costs more than it saves, so `row_cost` (floating-point operations, roughly) decides.
template <typename Body>
void ForEachRow(parallel::ThreadPool& pool, std::int64_t rows, std::int64_t row_cost,
                const Body& body) {
  constexpr std::int64_t kTaskCost = 100'000;
  const std::int64_t rows_per_task = row_cost >= kTaskCost ? 1 : kTaskCost / (row_cost + 1) + 1;
  const std::int64_t tasks = (rows + rows_per_task - 1) / rows_per_task;
  pool.Run(tasks, [&](std::int64_t task, int) {
    const std::int64_t begin = task * rows_per_task;
    const std::int64_t end = begin + rows_per_task < rows ? begin + rows_per_task : rows;
    for (std::int64_t row = begin; row < end; ++row) body(row);
  });
}

}  // namespace holdfast::model
