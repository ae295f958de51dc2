// Activation panels: rows of x rounded to what a product multiplies, interleaved row by row in the
// order in which it reads them. A row's bytes depend on that row alone; the rounding is the same on
// every instruction set. Layouts: quant_products-inl.h and float_products-inl.h.
#if defined(HOLDFAST_KERNELS_PANELS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HOLDFAST_KERNELS_PANELS_INL_H
#undef HOLDFAST_KERNELS_PANELS_INL_H
#else
#define HOLDFAST_KERNELS_PANELS_INL_H
#endif

#include <algorithm>

#include "kernels/internal/vector_types-inl.h"

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::internal {
namespace HWY_NAMESPACE {

// Values of one block as i8, with the scale that gives the values back and the sums of each 16.
template <int kCount>
struct QuantizedBlock {
  HWY_ALIGN std::int8_t q[kCount];
  float d;
  std::int32_t sums[kCount / 16];
};

// The largest magnitude of a block; NaN if one of the values is. Without their signs, numbers are
// in the order of their bits and a NaN is above all, which a maximum of f32 would lose.
template <int kCount>
HWY_INLINE float LargestMagnitude(const float* x) {
  VI max = hn::Zero(kI32Tag);
  for (int k = 0; k < kCount; k += kLanes) {
    max = hn::Max(max, hn::BitCast(kI32Tag, hn::Abs(hn::LoadU(kF32Tag, x + k))));
  }
  const std::int32_t bits = hn::GetLane(hn::MaxOfLanes(kI32Tag, max));
  float largest;
  std::memcpy(&largest, &bits, sizeof(largest));
  return largest;
}

// Scale so that the largest magnitude becomes 127; ties to even. A value that is no finite number
// makes the scale none, and with it all that the row is multiplied with: the check of the logits
// sees it.
template <int kCount>
HWY_INLINE void QuantizeBlock(const float* x, QuantizedBlock<kCount>& block) {
  const float largest = LargestMagnitude<kCount>(x);
  block.d = largest / 127.0f;
  const VF inverse = hn::Set(kF32Tag, largest > 0 ? 127.0f / largest : 0.0f);
  for (int k = 0; k < kCount; k += kLanes) {
    const VI q = hn::NearestInt(hn::Mul(hn::LoadU(kF32Tag, x + k), inverse));
    hn::StoreU(hn::DemoteTo(kSignedByteTag, q), kSignedByteTag, block.q + k);
  }
  // Eight bytes add up in each 64-bit lane; as unsigned numbers they are 128 larger.
  constexpr hn::CappedTag<std::uint8_t, 16> kBytes;  // As wide as the stores above.
  constexpr hn::Repartition<std::uint64_t, decltype(kBytes)> kSums;
  HWY_ALIGN std::uint64_t eights[kCount / 8];
  for (int k = 0; k < kCount; k += hn::MaxLanes(kBytes)) {
    const auto bytes =
        hn::Xor(hn::LoadU(kBytes, reinterpret_cast<const std::uint8_t*>(block.q + k)),
                hn::Set(kBytes, 0x80));
    hn::StoreU(hn::SumsOf8(bytes), kSums, eights + k / 8);
  }
  for (int i = 0; i < kCount / 16; ++i) {
    block.sums[i] = static_cast<std::int32_t>(eights[2 * i] + eights[2 * i + 1]) - 16 * 128;
  }
}

// Quantizes block `index` of a row, reading zeros past its end.
template <int kCount>
HWY_INLINE void QuantizeRowBlock(const float* x, std::int64_t columns, std::int64_t index,
                                 QuantizedBlock<kCount>& block) {
  const std::int64_t begin = index * kCount;
  if (begin + kCount <= columns) return QuantizeBlock<kCount>(x + begin, block);
  float padded[kCount] = {};
  if (begin < columns) std::copy(x + begin, x + columns, padded);
  QuantizeBlock<kCount>(padded, block);
}

// Groups of four values of one row, `stride` bytes apart.
template <class Dot>
HWY_INLINE void StoreGroups(const std::int8_t* q, int groups, std::uint8_t* target,
                            std::int64_t stride) {
  for (int g = 0; g < groups; ++g, q += 4, target += stride) {
    if constexpr (Dot::kGroupBytes == 4) {
      std::memcpy(target, q, 4);
    } else {
      const std::int16_t words[4] = {q[0], q[2], q[1], q[3]};
      std::memcpy(target, words, 8);
    }
  }
}

template <typename T>
HWY_INLINE void StoreValue(std::uint8_t* target, T value) {
  std::memcpy(target, &value, sizeof(value));
}

template <class Dot, class Blocks>
void MakeBlockPanel(const PanelArgs& args) {
  const std::int64_t n_rows = args.group_rows;
  const std::int64_t block_bytes = n_rows * (8 * Dot::kGroupBytes + 8);
  QuantizedBlock<32> block;
  for (std::int64_t n = 0; n < args.count; ++n) {
    auto* target = reinterpret_cast<std::uint8_t*>(args.panel);
    for (std::int64_t b = 0; b < 2 * args.units; ++b, target += block_bytes) {
      QuantizeRowBlock<32>(args.rows[n], args.columns, b, block);
      StoreGroups<Dot>(block.q, 8, target + n * Dot::kGroupBytes, n_rows * Dot::kGroupBytes);
      std::uint8_t* scales = target + 8 * n_rows * Dot::kGroupBytes;
      StoreValue(scales + 4 * n, block.d);
      const std::int32_t sum = block.sums[0] + block.sums[1];
      if constexpr (Blocks::kHasMin) {
        StoreValue(scales + 4 * (n_rows + n), block.d * static_cast<float>(sum));
      } else {
        StoreValue(scales + 4 * (n_rows + n), -Blocks::kOffset * sum);
      }
    }
  }
}

template <class Dot>
void MakeMinPanel(const PanelArgs& args) {
  const std::int64_t n_rows = args.group_rows;
  const std::int64_t unit_bytes = n_rows * (64 * Dot::kGroupBytes + 20);
  QuantizedBlock<256> block;
  for (std::int64_t n = 0; n < args.count; ++n) {
    auto* target = reinterpret_cast<std::uint8_t*>(args.panel);
    for (std::int64_t unit = 0; unit < args.units; ++unit, target += unit_bytes) {
      QuantizeRowBlock<256>(args.rows[n], args.columns, unit, block);
      StoreGroups<Dot>(block.q, 64, target + n * Dot::kGroupBytes, n_rows * Dot::kGroupBytes);
      std::uint8_t* sums = target + 64 * n_rows * Dot::kGroupBytes;
      for (int j = 0; j < 8; ++j) {
        StoreValue(sums + (j / 2 * n_rows + n) * 4 + j % 2 * 2,
                   static_cast<std::int16_t>(block.sums[2 * j] + block.sums[2 * j + 1]));
      }
      StoreValue(sums + 16 * n_rows + 4 * n, block.d);
    }
  }
}

template <class Dot>
void MakeSixBitPanel(const PanelArgs& args) {
  const std::int64_t n_rows = args.group_rows;
  const std::int64_t unit_bytes = n_rows * (64 * Dot::kGroupBytes + 68);
  QuantizedBlock<256> block;
  for (std::int64_t n = 0; n < args.count; ++n) {
    auto* target = reinterpret_cast<std::uint8_t*>(args.panel);
    for (std::int64_t unit = 0; unit < args.units; ++unit, target += unit_bytes) {
      QuantizeRowBlock<256>(args.rows[n], args.columns, unit, block);
      StoreGroups<Dot>(block.q, 64, target + n * Dot::kGroupBytes, n_rows * Dot::kGroupBytes);
      std::uint8_t* sums = target + 64 * n_rows * Dot::kGroupBytes;
      for (int b = 0; b < 16; ++b) {
        StoreValue(sums + (b * n_rows + n) * 4, -32 * block.sums[b]);
      }
      StoreValue(sums + 64 * n_rows + 4 * n, block.d);
    }
  }
}

// f32 as it is: [k][N], zeros past the row's end.
inline void MakeFloatPanel(const PanelArgs& args) {
  auto* target = reinterpret_cast<float*>(args.panel);
  const std::int64_t padded = args.units * 64;
  for (std::int64_t n = 0; n < args.count; ++n) {
    const float* x = args.rows[n];
    if (args.group_rows == 1) {
      std::copy(x, x + args.columns, target);
    } else {
      for (std::int64_t k = 0; k < args.columns; ++k) target[k * args.group_rows + n] = x[k];
    }
    for (std::int64_t k = args.columns; k < padded; ++k) target[k * args.group_rows + n] = 0;
  }
}

// Rounded to bf16, ties to even: [k / 2][N][2].
inline void MakeBFloat16Panel(const PanelArgs& args) {
  auto* target = reinterpret_cast<std::uint16_t*>(args.panel);
  const std::int64_t padded = args.units * 64;
  for (std::int64_t n = 0; n < args.count; ++n) {
    const float* x = args.rows[n];
    for (std::int64_t k = 0; k < padded; ++k) {
      std::uint32_t bits = 0;
      if (k < args.columns) std::memcpy(&bits, x + k, sizeof(bits));
      const bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
      const std::uint32_t rounded = is_nan ? bits | 0x400000u : bits + 0x7FFFu + (bits >> 16 & 1u);
      target[(k / 2 * args.group_rows + n) * 2 + k % 2] = static_cast<std::uint16_t>(rounded >> 16);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace holdfast::kernels::internal
HWY_AFTER_NAMESPACE();

#endif  // HOLDFAST_KERNELS_PANELS_INL_H
