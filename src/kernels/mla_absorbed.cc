// Absorbed attention: scores are inner products along the cache entry, lanes along the entry, so
// entries are read where they lie.
#include <cmath>
#include <cstring>
#include <type_traits>

#include "kernels/mla_attention.h"

// The order of these lines is Highway's.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/mla_absorbed.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include "kernels/mla_attention-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Keys whose scores are computed side by side; their four sums fall out of one tree of adds.
constexpr int kScoreKeys = 4;
#if HWY_TARGET <= HWY_AVX3
constexpr int kScoreRows = 4;
#else
constexpr int kScoreRows = 2;
#endif

// target[0, 4) = scale times the sums of all lanes of a, b, c and e.
#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void StoreSums(Vector a, Vector b, Vector c, Vector e, float scale, float* target) {
  target[0] = scale * hn::GetLane(a);
  target[1] = scale * hn::GetLane(b);
  target[2] = scale * hn::GetLane(c);
  target[3] = scale * hn::GetLane(e);
}
#else
template <class D>
HWY_INLINE hn::Vec<hn::FixedTag<float, 4>> AddBlocks(D, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return v;
  } else {
    const hn::Half<D> half;
    return AddBlocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

HWY_INLINE void StoreSums(Vector a, Vector b, Vector c, Vector e, float scale, float* target) {
  const Tag d;
  const hn::FixedTag<float, 4> four;
  const hn::RepartitionToWide<Tag> wide;
  const Vector ab = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const Vector ce = hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  const auto ab_wide = hn::BitCast(wide, ab), ce_wide = hn::BitCast(wide, ce);
  const Vector low = hn::BitCast(d, hn::InterleaveLower(wide, ab_wide, ce_wide));
  const Vector high = hn::BitCast(d, hn::InterleaveUpper(wide, ab_wide, ce_wide));
  const auto sums = AddBlocks(d, hn::Add(low, high));
  hn::StoreU(hn::Mul(sums, hn::Set(four, scale)), four, target);
}
#endif

// scores[r][0, 4) = scale * query[r] . keys[0, 4).
template <int kRows>
HWY_INLINE void ScoreFourKeys(const float* query, std::int64_t query_stride,
                              const float* const* keys, std::int64_t width, float scale,
                              float* scores, std::int64_t scores_stride) {
  const Tag d;
  const std::int64_t lanes = hn::Lanes(d);
  Vector sum[kRows][kScoreKeys];
  HOLDFAST_UNROLL
  for (int r = 0; r < kRows; ++r) {
    HOLDFAST_UNROLL
    for (int k = 0; k < kScoreKeys; ++k) sum[r][k] = hn::Zero(d);
  }
  for (std::int64_t i = 0; i < width; i += lanes) {
    Vector key[kScoreKeys];
    HOLDFAST_UNROLL
    for (int k = 0; k < kScoreKeys; ++k) key[k] = hn::LoadU(d, keys[k] + i);
    HOLDFAST_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Vector q = hn::LoadU(d, query + r * query_stride + i);
      HOLDFAST_UNROLL
      for (int k = 0; k < kScoreKeys; ++k) sum[r][k] = hn::MulAdd(q, key[k], sum[r][k]);
    }
  }
  HOLDFAST_UNROLL
  for (int r = 0; r < kRows; ++r) {
    StoreSums(sum[r][0], sum[r][1], sum[r][2], sum[r][3], scale, scores + r * scores_stride);
  }
}

// One tile of keys for up to kBlockRows rows from `row` on.
HWY_INLINE void AbsorbedTile(const AbsorbedAttention& task, const AttentionPartial& partial,
                             std::int64_t row, std::int64_t rows, std::int64_t tile_begin,
                             std::int64_t tile_end) {
  const std::int64_t lanes = hn::Lanes(Tag());
  const float* const* keys = task.keys + (tile_begin - task.key_begin);
  std::int64_t count = 0;  // Keys that some row of the block sees.
  std::int64_t seen[kBlockRows];
  for (std::int64_t r = 0; r < rows; ++r) {
    seen[r] =
        std::clamp<std::int64_t>(task.visible[row + r] - tile_begin, 0, tile_end - tile_begin);
    count = std::max(count, seen[r]);
  }
  if (count == 0) return;

  alignas(64) float scores[kBlockRows * kAttentionTile];
  const float* query = task.query + row * task.query_stride;
  for (std::int64_t j = 0; j < count; j += kScoreKeys) {
    // The last group repeats its last key; what it scores is masked below.
    const float* group[kScoreKeys];
    HOLDFAST_UNROLL
    for (int k = 0; k < kScoreKeys; ++k) group[k] = keys[std::min(j + k, count - 1)];
    for (std::int64_t r = 0; r < rows; r += kScoreRows) {
      WithRowCount<kScoreRows>(std::min<std::int64_t>(kScoreRows, rows - r), [&](auto n) {
        ScoreFourKeys<n()>(query + r * task.query_stride, task.query_stride, group, task.width,
                           task.scale, scores + r * kAttentionTile + j, kAttentionTile);
      });
    }
  }
  const std::int64_t padded = (count + lanes - 1) / lanes * lanes;
  float keep[kBlockRows];
  for (std::int64_t r = 0; r < rows; ++r) {
    keep[r] = SoftmaxTile(scores + r * kAttentionTile, seen[r], padded, partial.max[row + r],
                          partial.sum[row + r]);
  }
  WithRowCount<kBlockRows>(rows, [&](auto n) {
    WeighValueRows<n()>(
        scores, kAttentionTile, count, keep,
        [keys](std::int64_t j, std::int64_t column) { return keys[j] + column; }, task.value_width,
        partial.out + row * partial.out_stride, partial.out_stride);
  });
}

void AbsorbedSpan(const AbsorbedAttention& task, const AttentionPartial& partial) {
  for (std::int64_t row = 0; row < task.rows; ++row) {
    std::fill_n(partial.out + row * partial.out_stride, task.value_width, 0.0f);
    partial.max[row] = -INFINITY;
    partial.sum[row] = 0;
  }
  // Tiles outside, rows inside: a tile of keys stays in the second-level cache for all rows.
  for (std::int64_t tile = task.key_begin; tile < task.key_end; tile += kAttentionTile) {
    const std::int64_t tile_end = std::min(tile + kAttentionTile, task.key_end);
    for (std::int64_t row = 0; row < task.rows; row += kBlockRows) {
      AbsorbedTile(task, partial, row, std::min<std::int64_t>(kBlockRows, task.rows - row), tile,
                   tile_end);
    }
  }
}

void Merge(const AttentionPartial& into, const AttentionPartial& next, std::int64_t rows,
           std::int64_t width) {
  const Tag d;
  const std::int64_t lanes = hn::Lanes(d);
  for (std::int64_t row = 0; row < rows; ++row) {
    if (next.sum[row] == 0) continue;
    const float max = std::max(into.max[row], next.max[row]);
    const float keep = std::exp(into.max[row] - max), add = std::exp(next.max[row] - max);
    float* out = into.out + row * into.out_stride;
    const float* other = next.out + row * next.out_stride;
    const Vector keeps = hn::Set(d, keep), adds = hn::Set(d, add);
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      const Vector kept = hn::Mul(hn::LoadU(d, out + i), keeps);
      hn::StoreU(hn::MulAdd(hn::LoadU(d, other + i), adds, kept), d, out + i);
    }
    for (; i < width; ++i) out[i] = out[i] * keep + other[i] * add;
    into.sum[row] = into.sum[row] * keep + next.sum[row] * add;
    into.max[row] = max;
  }
}

void Finish(const AttentionPartial& partial, std::int64_t rows, std::int64_t width) {
  const Tag d;
  const std::int64_t lanes = hn::Lanes(d);
  for (std::int64_t row = 0; row < rows; ++row) {
    const float factor = partial.sum[row] == 0 ? 0.0f : 1.0f / partial.sum[row];
    float* out = partial.out + row * partial.out_stride;
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      hn::StoreU(hn::Mul(hn::LoadU(d, out + i), hn::Set(d, factor)), d, out + i);
    }
    for (; i < width; ++i) out[i] *= factor;
  }
}

}  // namespace holdfast::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace holdfast::kernels {

HWY_EXPORT(AbsorbedSpan);
HWY_EXPORT(Merge);
HWY_EXPORT(Finish);

void AbsorbedAttentionSpan(const AbsorbedAttention& task, const AttentionPartial& partial) {
  HWY_DYNAMIC_DISPATCH(AbsorbedSpan)(task, partial);
}

void MergeAttention(const AttentionPartial& into, const AttentionPartial& next, std::int64_t rows,
                    std::int64_t width) {
  HWY_DYNAMIC_DISPATCH(Merge)(into, next, rows, width);
}

void FinishAttention(const AttentionPartial& partial, std::int64_t rows, std::int64_t width) {
  HWY_DYNAMIC_DISPATCH(Finish)(partial, rows, width);
}

}  // namespace holdfast::kernels
#endif  // HWY_ONCE
