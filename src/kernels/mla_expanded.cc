// Expanded attention of one head: a tile of keys is transposed once, so scores are computed with
// lanes along the keys and no sum across lanes, and used by all the task's rows.
#include <cmath>
#include <cstring>
#include <type_traits>

#include "kernels/mla_attention.h"
#include "tensor/aligned_buffer.h"

// The order of these lines is Highway's.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/mla_expanded.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include "kernels/mla_attention-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int64_t kTileKeys = 64;

// target[i][column + k] = source_of(k)[i] for four keys k and i in [0, dim).
template <typename SourceOf>
HWY_INLINE void TransposeFour(const SourceOf& source_of, std::int64_t dim, float* target) {
  const float* source[4] = {source_of(0), source_of(1), source_of(2), source_of(3)};
  std::int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<float, 4> d;
  const hn::RepartitionToWide<decltype(d)> wide;
  for (; i + 4 <= dim; i += 4) {
    const auto a = hn::LoadU(d, source[0] + i), b = hn::LoadU(d, source[1] + i);
    const auto c = hn::LoadU(d, source[2] + i), e = hn::LoadU(d, source[3] + i);
    const auto ab_low = hn::BitCast(wide, hn::InterleaveLower(d, a, b));
    const auto ab_high = hn::BitCast(wide, hn::InterleaveUpper(d, a, b));
    const auto ce_low = hn::BitCast(wide, hn::InterleaveLower(d, c, e));
    const auto ce_high = hn::BitCast(wide, hn::InterleaveUpper(d, c, e));
    float* row = target + i * kTileKeys;
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(wide, ab_low, ce_low)), d, row);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(wide, ab_low, ce_low)), d, row + kTileKeys);
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(wide, ab_high, ce_high)), d, row + 2 * kTileKeys);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(wide, ab_high, ce_high)), d, row + 3 * kTileKeys);
  }
#endif
  for (; i < dim; ++i) {
    for (int k = 0; k < 4; ++k) target[i * kTileKeys + k] = source[k][i];
  }
}

// scores[r][0, kVectors lanes) = scale * query[r] . keys, from transposed keys [dim, kTileKeys].
template <int kRows, int kVectors>
HWY_INLINE void ScoreKeys(const float* query, std::int64_t query_stride, const float* keys,
                          std::int64_t dim, float scale, float* scores) {
  const Tag d;
  const std::int64_t lanes = hn::Lanes(d);
  Vector sum[kRows][kVectors];
  HOLDFAST_UNROLL
  for (int r = 0; r < kRows; ++r) {
    HOLDFAST_UNROLL
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  for (std::int64_t i = 0; i < dim; ++i) {
    Vector key[kVectors];
    HOLDFAST_UNROLL
    for (int v = 0; v < kVectors; ++v) key[v] = hn::LoadU(d, keys + i * kTileKeys + v * lanes);
    HOLDFAST_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Vector q = hn::Set(d, query[r * query_stride + i]);
      HOLDFAST_UNROLL
      for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(q, key[v], sum[r][v]);
    }
  }
  const Vector scales = hn::Set(d, scale);
  HOLDFAST_UNROLL
  for (int r = 0; r < kRows; ++r) {
    HOLDFAST_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      hn::StoreU(hn::Mul(sum[r][v], scales), d, scores + r * kTileKeys + v * lanes);
    }
  }
}

// The scratch of one task: a tile's keys, transposed, and values; all rows' outputs.
struct ExpandedScratch {
  float* keys;    // [nope + rope, kTileKeys]
  float* values;  // [kTileKeys, padded value_dim]
  float* out;     // [rows, padded value_dim]
  std::int64_t value_stride;
};

HWY_INLINE void LoadTile(const ExpandedAttention& task, std::int64_t first, std::int64_t count,
                         const ExpandedScratch& scratch) {
  const std::int64_t padded = (count + 3) / 4 * 4;
  for (std::int64_t j = 0; j < padded; j += 4) {
    // Keys past the last repeat it; their scores are masked.
    const auto key_of = [&](std::int64_t k) { return first + std::min(j + k, count - 1); };
    TransposeFour([&](int k) { return task.key + key_of(k) * task.key_stride; }, task.nope_dim,
                  scratch.keys + j);
    TransposeFour([&](int k) { return task.rope_key[key_of(k)]; }, task.rope_dim,
                  scratch.keys + task.nope_dim * kTileKeys + j);
  }
  for (std::int64_t j = 0; j < count; ++j) {
    std::memcpy(scratch.values + j * scratch.value_stride,
                task.value + (first + j) * task.value_stride, task.value_dim * sizeof(float));
  }
}

HWY_INLINE void ExpandedTile(const ExpandedAttention& task, const AttentionPartial& partial,
                             const ExpandedScratch& scratch, std::int64_t row, std::int64_t rows,
                             std::int64_t tile_begin, std::int64_t tile_count) {
  const std::int64_t lanes = hn::Lanes(Tag());
  const std::int64_t count = std::min(task.first_position + row + rows - tile_begin, tile_count);
  if (count <= 0) return;
  alignas(64) float scores[kBlockRows * kTileKeys];
  float keep[kBlockRows];
  WithRowCount<kBlockRows>(rows, [&](auto n) {
    for (std::int64_t j = 0; j < count; j += kBlockVectors * lanes) {
      ScoreKeys<n(), kBlockVectors>(task.query + row * task.query_stride, task.query_stride,
                                    scratch.keys + j, task.nope_dim + task.rope_dim, task.scale,
                                    scores + j);
    }
    const std::int64_t padded = (count + lanes - 1) / lanes * lanes;
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t seen = std::min(task.first_position + row + r + 1 - tile_begin, count);
      keep[r] = SoftmaxTile(scores + r * kTileKeys, seen, padded, partial.max[row + r],
                            partial.sum[row + r]);
    }
    const float* values = scratch.values;
    const std::int64_t stride = scratch.value_stride;
    WeighValueRows<n()>(
        scores, kTileKeys, count, keep,
        [values, stride](std::int64_t j, std::int64_t column) {
          return values + j * stride + column;
        },
        stride, scratch.out + row * stride, stride);
  });
}

void ExpandedRange(const ExpandedAttention& task, const AttentionPartial& partial) {
  const std::int64_t stride = PaddedWidth(task.value_dim);
  const std::int64_t key_floats = (task.nope_dim + task.rope_dim) * kTileKeys;
  tensor::AlignedBuffer<float> buffer(
      static_cast<std::size_t>(key_floats + (kTileKeys + task.rows) * stride));
  const ExpandedScratch scratch{buffer.data(), buffer.data() + key_floats,
                                buffer.data() + key_floats + kTileKeys * stride, stride};
  const std::size_t row_bytes = task.value_dim * sizeof(float);
  for (std::int64_t row = 0; row < task.rows; ++row) {
    std::memcpy(scratch.out + row * stride, partial.out + row * partial.out_stride, row_bytes);
  }
  const std::int64_t end = std::min(task.key_end, task.first_position + task.rows);
  for (std::int64_t tile = task.key_begin; tile < end; tile += kTileKeys) {
    const std::int64_t count = std::min(kTileKeys, end - tile);
    LoadTile(task, tile - task.key_begin, count, scratch);
    for (std::int64_t row = 0; row < task.rows; row += kBlockRows) {
      ExpandedTile(task, partial, scratch, row, std::min<std::int64_t>(kBlockRows, task.rows - row),
                   tile, count);
    }
  }
  for (std::int64_t row = 0; row < task.rows; ++row) {
    std::memcpy(partial.out + row * partial.out_stride, scratch.out + row * stride, row_bytes);
  }
}

}  // namespace holdfast::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace holdfast::kernels {

HWY_EXPORT(ExpandedRange);

void ExpandedAttentionRange(const ExpandedAttention& task, const AttentionPartial& partial) {
  HWY_DYNAMIC_DISPATCH(ExpandedRange)(task, partial);
}

}  // namespace holdfast::kernels
#endif  // HWY_ONCE
