// Products of F32, F16, BF16 and F8E4M3 tiles. Weights widen to f32 exactly; activations stay f32,
// so F32 weights lose nothing. With AVX-512 BF16 both sides of a BF16 product are bf16 (activations
// rounded once) and VDPBF16PS adds pairs.
//
// Each lane sums 32 columns (64 with VDPBF16PS) from zero and adds that to its total: the error
// grows with K / 32, and an out-of-order core overlaps the short chains, so one row alone is not
// held up by the latency of its additions.
#if defined(HOLDFAST_KERNELS_FLOAT_PRODUCTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HOLDFAST_KERNELS_FLOAT_PRODUCTS_INL_H
#undef HOLDFAST_KERNELS_FLOAT_PRODUCTS_INL_H
#else
#define HOLDFAST_KERNELS_FLOAT_PRODUCTS_INL_H
#endif

#include "kernels/internal/vector_types-inl.h"

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::internal {
namespace HWY_NAMESPACE {

// Slice `slice` of the 16 weights of column k of a unit, as f32.
struct ColumnOfF32 {
  static constexpr std::int64_t kUnitBytes = 4096;
  static constexpr bool kHasScale = false;
  static HWY_INLINE VF Load(const std::uint8_t* unit, std::int64_t k, std::int64_t slice) {
    return hn::LoadU(kF32Tag, reinterpret_cast<const float*>(unit) + k * 16 + slice * kLanes);
  }
};
struct ColumnOfF16 {
  static constexpr std::int64_t kUnitBytes = 2048;
  static constexpr bool kHasScale = false;
  static HWY_INLINE VF Load(const std::uint8_t* unit, std::int64_t k, std::int64_t slice) {
    return LoadHalves(unit + (k * 16 + slice * kLanes) * 2);
  }
};
struct ColumnOfBF16 {
  static constexpr std::int64_t kUnitBytes = 2048;
  static constexpr bool kHasScale = false;
  static HWY_INLINE VF Load(const std::uint8_t* unit, std::int64_t k, std::int64_t slice) {
    const auto pairs = hn::LoadU(
        kU32Tag, reinterpret_cast<const std::uint32_t*>(unit) + k / 2 * 16 + slice * kLanes);
    return hn::BitCast(kF32Tag, k % 2 == 0 ? hn::ShiftLeft<16>(pairs)
                                           : hn::And(pairs, hn::Set(kU32Tag, 0xFFFF0000u)));
  }
};
// An E4M3 pattern moved into a half is the value times 2^-8, subnormals included.
struct ColumnOfF8 {
  static constexpr std::int64_t kUnitBytes = 1024;
  static constexpr bool kHasScale = true;
  static HWY_INLINE VF Load(const std::uint8_t* unit, std::int64_t k, std::int64_t slice) {
    const auto bits =
        hn::PromoteTo(kHalfBitsTag, hn::LoadU(kByteTag, unit + k * 16 + slice * kLanes));
    const auto sign = hn::ShiftLeft<8>(hn::And(bits, hn::Set(kHalfBitsTag, 0x80)));
    const auto rest = hn::ShiftLeft<7>(hn::And(bits, hn::Set(kHalfBitsTag, 0x7F)));
    return hn::PromoteTo(kF32Tag, hn::BitCast(kHalfTag, hn::Or(sign, rest)));
  }
};

template <class Column, int N, int S>
void FloatProduct(const ProductArgs& args) {
  constexpr int kChunk = 32;
  const std::size_t header =
      Column::kHasScale ? TileHeaderBytes(tensor::DType::kF8E4M3, args.units) : 0;
  for (std::int64_t slice = 0; slice < kSlices; slice += S) {
    const auto* scales = reinterpret_cast<const std::uint8_t*>(args.tile);
    const auto* tile = scales + header;
    const auto* panel = reinterpret_cast<const std::uint8_t*>(args.panel);
    VF total[N][S];
    SetZero(total);
    for (std::int64_t chunk = 0; chunk < args.units * (64 / kChunk); ++chunk) {
      const std::int64_t first = chunk % (64 / kChunk) * kChunk;
      const std::uint8_t* unit = tile + chunk / (64 / kChunk) * Column::kUnitBytes;
      if (first == 0) PrefetchAhead<N, Column::kUnitBytes>(unit);
      VF part[N][S];
      SetZero(part);
      for (int k = 0; k < kChunk; k += 2) {
        HOLDFAST_UNROLL
        for (int odd = 0; odd < 2; ++odd) {
          HOLDFAST_UNROLL
          for (int s = 0; s < S; ++s) {
            const VF weights = Column::Load(unit, first + k + odd, slice + s);
            HOLDFAST_UNROLL
            for (int n = 0; n < N; ++n) {
              part[n][s] = hn::MulAdd(weights, BroadcastF32(panel + (odd * N + n) * 4), part[n][s]);
            }
          }
        }
        panel += 2 * N * 4;
      }
      if constexpr (Column::kHasScale) {
        const VF scale =
            hn::Mul(BroadcastF32(scales + chunk / (64 / kChunk) * 4), hn::Set(kF32Tag, 256.0f));
        HOLDFAST_UNROLL
        for (int n = 0; n < N; ++n) {
          HOLDFAST_UNROLL
          for (int s = 0; s < S; ++s) total[n][s] = hn::MulAdd(part[n][s], scale, total[n][s]);
        }
      } else {
        HOLDFAST_UNROLL
        for (int n = 0; n < N; ++n) {
          HOLDFAST_UNROLL
          for (int s = 0; s < S; ++s) total[n][s] = hn::Add(part[n][s], total[n][s]);
        }
      }
    }
    for (int n = 0; n < N; ++n) {
      if (n < args.rows) StoreRow(total[n], S, slice, args, n);
    }
  }
}

#if HWY_TARGET <= HWY_AVX3
// AVX-512 BF16; assembly for the reason given at VnniDot.
template <int N>
void BFloat16PairProduct(const ProductArgs& args) {
  const auto* tile = reinterpret_cast<const std::uint8_t*>(args.tile);
  const auto* panel = reinterpret_cast<const std::uint8_t*>(args.panel);
  VF total[N];
  HOLDFAST_UNROLL
  for (int n = 0; n < N; ++n) total[n] = hn::Zero(kF32Tag);
  for (std::int64_t unit = 0; unit < args.units; ++unit, tile += 2048) {
    PrefetchAhead<N, 2048>(tile);
    VF part[N];
    HOLDFAST_UNROLL
    for (int n = 0; n < N; ++n) part[n] = hn::Zero(kF32Tag);
    for (int pair = 0; pair < 32; pair += 2) {
      HOLDFAST_UNROLL
      for (int odd = 0; odd < 2; ++odd) {
        const VU8 weights = LoadBytes(tile + (pair + odd) * 64);
        HOLDFAST_UNROLL
        for (int n = 0; n < N; ++n) {
          asm("vdpbf16ps %2%{1to16%}, %1, %0"
              : "+v"(part[n].raw)
              : "v"(weights.raw),
                "m"(*reinterpret_cast<const std::uint8_t(*)[4]>(panel + (odd * N + n) * 4)));
        }
      }
      panel += 2 * N * 4;
    }
    HOLDFAST_UNROLL
    for (int n = 0; n < N; ++n) total[n] = hn::Add(part[n], total[n]);
  }
  for (int n = 0; n < N; ++n) {
    if (n < args.rows) StoreRow(&total[n], 1, 0, args, n);
  }
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace holdfast::kernels::internal
HWY_AFTER_NAMESPACE();

#endif  // HOLDFAST_KERNELS_FLOAT_PRODUCTS_INL_H
