// The inner loops of multi-head latent attention. Two forms of one result (up to rounding):
//
// Absorbed: the key up-projection is folded into the query, so every head reads the same cached
// entries: score = q' . [latent | rotary key], and the sum is over latents (the value
// up-projection follows outside). Least memory traffic, so the form for decode.
// Expanded: keys and values of every head are computed from the latents first. A third of the
// multiplications per pair of query and key, so the form for long prefills.
//
// Both are flash-style: scores never leave a tile, partial results carry (max, sum, unnormalised
// output) and are merged. Every row's arithmetic depends only on its own query, its own number of
// visible keys and the keys' absolute positions; never on the other rows of the call.
// Letters: D width of a cache entry, R latent rank, V head dim of values. Thread-safe.
#pragma once

#include <cstdint>

namespace holdfast::kernels {

// Query rows, entries and outputs are padded to whole multiples of this many floats; padding of
// queries is zero, padding of entries is finite.
constexpr std::int64_t kAttentionPadding = 16;
constexpr std::int64_t PaddedWidth(std::int64_t width) {
  return (width + kAttentionPadding - 1) / kAttentionPadding * kAttentionPadding;
}

// Keys per softmax tile. Tiles begin at absolute positions that are multiples of it.
constexpr std::int64_t kAttentionTile = 128;
// Keys per span: partial results of a span are complete before spans are merged in rising order.
// The unit in which one row's keys may be shared between workers.
constexpr std::int64_t kAttentionSpan = 1024;

// Running softmax of some rows. `out` [rows, out_stride] is not normalised: divide by `sum`.
struct AttentionPartial {
  float* out = nullptr;
  std::int64_t out_stride = 0;
  float* max = nullptr;  // [rows]; -infinity before the first visible key.
  float* sum = nullptr;  // [rows]
};

struct AbsorbedAttention {
  const float* query = nullptr;  // [rows, query_stride]: absorbed query | rotary query | zeros.
  std::int64_t query_stride = 0;
  std::int64_t rows = 0;
  const std::int32_t* visible = nullptr;  // [rows]: the row sees absolute positions < visible.
  const float* const* keys = nullptr;     // [key_end - key_begin] entries, D floats each.
  std::int64_t key_begin = 0;             // Multiple of kAttentionSpan.
  std::int64_t key_end = 0;               // <= key_begin + kAttentionSpan.
  std::int64_t width = 0;                 // D, padded.
  std::int64_t value_width = 0;           // R, padded; <= D.
  float scale = 1.0f;
};

// Writes the partial result of one span. `out` is [rows, value_width].
void AbsorbedAttentionSpan(const AbsorbedAttention& task, const AttentionPartial& partial);

// into := into merged with `next`, of `rows` rows of `width` floats.
void MergeAttention(const AttentionPartial& into, const AttentionPartial& next, std::int64_t rows,
                    std::int64_t width);

// out /= sum; a row that saw no key becomes zero.
void FinishAttention(const AttentionPartial& partial, std::int64_t rows, std::int64_t width);

// One head's queries over a range of expanded keys.
struct ExpandedAttention {
  const float* query = nullptr;  // [rows, query_stride]: nope part | rotated rope part.
  std::int64_t query_stride = 0;
  std::int64_t rows = 0;
  std::int64_t first_position = 0;  // Row r sees absolute positions <= first_position + r.
  const float* key = nullptr;       // [keys, key_stride]: this head's nope parts.
  std::int64_t key_stride = 0;
  const float* const* rope_key = nullptr;  // [keys] the shared rotary key of each position.
  const float* value = nullptr;            // [keys, value_stride]: this head's values.
  std::int64_t value_stride = 0;
  std::int64_t key_begin = 0;  // Absolute position of the first key.
  std::int64_t key_end = 0;
  std::int64_t nope_dim = 0;
  std::int64_t rope_dim = 0;
  std::int64_t value_dim = 0;
  float scale = 1.0f;
};

// Continues `partial` with the keys of the range; begin with max = -infinity, sum = 0, out = 0.
void ExpandedAttentionRange(const ExpandedAttention& task, const AttentionPartial& partial);

namespace reference {
void AbsorbedAttentionSpan(const AbsorbedAttention& task, const AttentionPartial& partial);
void MergeAttention(const AttentionPartial& into, const AttentionPartial& next, std::int64_t rows,
                    std::int64_t width);
void FinishAttention(const AttentionPartial& partial, std::int64_t rows, std::int64_t width);
void ExpandedAttentionRange(const ExpandedAttention& task, const AttentionPartial& partial);
}  // namespace reference

}  // namespace holdfast::kernels
