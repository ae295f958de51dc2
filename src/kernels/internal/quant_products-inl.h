// Products of quantized tiles with int8 activations. Integer sums within a block are exact, so
// every instruction set gets them equal; the f32 sum over blocks runs in rising k, one block after
// the other, with fused multiply-add where the target has it.
//
// `Dot` multiplies groups of four bytes (u8 weight, i8 activation). `N` is the group size; `S` the
// number of slices of the tile kept in registers, the other slices taking another pass over K.
//
// Panels, [unit][...][N], group = Dot::kGroupBytes bytes of one row:
//   Q8_0, Q4_0, Q5_0   per block of 32: group[8][N]; d[N] f32; -offset * sum(q) [N] i32
//   Q4_1, Q5_1         per block of 32: group[8][N]; d[N] f32; d * sum(q) [N] f32
//   Q4_K, Q5_K         per unit: group[64][N]; sum(q) of 32, pairs [4][N][2] i16; d[N] f32
//   Q6_K               per unit: group[64][N]; -32 * sum(q) of 16 [16][N] i32; d[N] f32
#if defined(HOLDFAST_KERNELS_QUANT_PRODUCTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HOLDFAST_KERNELS_QUANT_PRODUCTS_INL_H
#undef HOLDFAST_KERNELS_QUANT_PRODUCTS_INL_H
#else
#define HOLDFAST_KERNELS_QUANT_PRODUCTS_INL_H
#endif

#include "kernels/internal/vector_types-inl.h"

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::internal {
namespace HWY_NAMESPACE {

// Any target: bytes widened to pairs of i16; a group is stored as (x0, x2), (x1, x3).
struct PairDot {
  static constexpr std::int64_t kGroupBytes = 8;
  struct Weights {
    VI16 even;
    VI16 odd;
  };
  static HWY_INLINE Weights Prepare(VU8 bytes) {
    const auto words = hn::BitCast(kU16Tag, bytes);
    return {hn::BitCast(kI16Tag, hn::And(words, hn::Set(kU16Tag, 0xFF))),
            hn::BitCast(kI16Tag, hn::ShiftRight<8>(words))};
  }
  static HWY_INLINE VI Add(VI sum, const Weights& weights, const std::uint8_t* group) {
    sum = AddPairProducts(sum, weights.even, hn::BitCast(kI16Tag, BroadcastI32(group)));
    return AddPairProducts(sum, weights.odd, hn::BitCast(kI16Tag, BroadcastI32(group + 4)));
  }
};

#if HWY_TARGET <= HWY_AVX3
// AVX-512 VNNI. Written as assembly because Highway 1.0.3 has no such operation, and a function of
// a wider target could not be inlined into those of AVX3.
struct VnniDot {
  static constexpr std::int64_t kGroupBytes = 4;
  using Weights = VU8;
  static HWY_INLINE Weights Prepare(VU8 bytes) { return bytes; }
  static HWY_INLINE VI Add(VI sum, const Weights& weights, const std::uint8_t* group) {
    asm("vpdpbusd %2%{1to16%}, %1, %0"
        : "+v"(sum.raw)
        : "v"(weights.raw), "m"(*reinterpret_cast<const std::uint8_t(*)[4]>(group)));
    return sum;
  }
};
#endif

HWY_INLINE VU8 LowNibbles(VU8 bytes) { return hn::And(bytes, hn::Set(kU8Tag, 15)); }
HWY_INLINE VU8 HighNibbles(VU8 bytes) {
  return hn::And(hn::BitCast(kU8Tag, hn::ShiftRight<4>(hn::BitCast(kU16Tag, bytes))),
                 hn::Set(kU8Tag, 15));
}

// Bit `j` of every byte, moved to bit 4.
HWY_INLINE VU8 FifthBit(VU8 bytes, int j) {
  const auto words = hn::BitCast(kU16Tag, bytes);
  const auto moved = j < 4 ? hn::ShiftLeftSame(words, 4 - j) : hn::ShiftRightSame(words, j - 4);
  return hn::And(hn::BitCast(kU8Tag, moved), hn::Set(kU8Tag, 16));
}

// Units of two blocks of 32 columns; `unit` points to the slice in the unit's first vector. The
// stored integers are `kOffset` too large, or lie above a minimum of the block.
struct ByteBlocks {
  static constexpr std::int64_t kUnitBytes = 64 + 1024;
  static constexpr bool kHasMin = false;
  static constexpr int kOffset = 128;
  static HWY_INLINE VU8 Load(const std::uint8_t* unit, int block, int group) {
    return LoadBytes(unit + 64 + (block * 8 + group) * 64);
  }
};
template <bool kMin, bool kFifthBits>
struct NibbleBlocks {
  static constexpr std::int64_t kNibblesAt = kMin ? 128 : 64;
  static constexpr std::int64_t kUnitBytes = kNibblesAt + 512 + (kFifthBits ? 128 : 0);
  static constexpr bool kHasMin = kMin;
  static constexpr int kOffset = kFifthBits ? 16 : 8;
  static HWY_INLINE VU8 Load(const std::uint8_t* unit, int block, int group) {
    const VU8 bytes = LoadBytes(unit + kNibblesAt + group * 64);
    const VU8 nibbles = block == 0 ? LowNibbles(bytes) : HighNibbles(bytes);
    if constexpr (!kFifthBits) return nibbles;
    return hn::Or(nibbles, FifthBit(LoadBytes(unit + kNibblesAt + 512 + block * 64), group));
  }
};

// The product of one group of rows: all units of K, one after the other. A `Format` has the bytes
// of a unit in the tile and, for one row, in the panel, and adds a unit to the totals.
template <class Format, int N, int S>
void QuantProduct(const ProductArgs& args) {
  for (std::int64_t slice = 0; slice < kSlices; slice += S) {
    const auto* tile = reinterpret_cast<const std::uint8_t*>(args.tile);
    const auto* panel = reinterpret_cast<const std::uint8_t*>(args.panel);
    VF total[N][S];
    SetZero(total);
    for (std::int64_t unit = 0; unit < args.units; ++unit) {
      PrefetchAhead<N, Format::kUnitBytes>(tile);
      Format::AddUnit(tile, slice, panel, total);
      tile += Format::kUnitBytes;
      panel += N * Format::kPanelUnitBytes;
    }
    for (int n = 0; n < N; ++n) {
      if (n < args.rows) StoreRow(total[n], S, slice, args, n);
    }
  }
}

// sum[n][s] += four columns of slice s times the same of row n of x.
template <class Dot, int N, int S>
HWY_INLINE void AddGroup(VU8 bytes, const std::uint8_t* panel, int s, VI (&sum)[N][S]) {
  const auto weights = Dot::Prepare(bytes);
  HOLDFAST_UNROLL
  for (int n = 0; n < N; ++n) {
    sum[n][s] = Dot::Add(sum[n][s], weights, panel + n * Dot::kGroupBytes);
  }
}

// The same for a run of groups; `load(g, s)` gives the bytes of group g.
template <class Dot, int kGroups, int N, int S, class Load>
HWY_INLINE void AddGroups(const Load& load, const std::uint8_t* panel, VI (&sum)[N][S]) {
  HOLDFAST_UNROLL
  for (int g = 0; g < kGroups; ++g) {
    HOLDFAST_UNROLL
    for (int s = 0; s < S; ++s) {
      AddGroup<Dot>(load(g, s), panel + g * N * Dot::kGroupBytes, s, sum);
    }
  }
}

// part[n][s] += sum[n][s] * scale.
template <int N, int S>
HWY_INLINE void AddScaled(const VI (&sum)[N][S], VF scale, int s, VF (&part)[N][S]) {
  HOLDFAST_UNROLL
  for (int n = 0; n < N; ++n) {
    part[n][s] = hn::MulAdd(hn::ConvertTo(kF32Tag, sum[n][s]), scale, part[n][s]);
  }
}

// Sums that begin with the panel's correction for integers stored too large.
template <int N, int S>
HWY_INLINE void SetCorrections(const std::uint8_t* corrections, VI (&sum)[N][S]) {
  HOLDFAST_UNROLL
  for (int n = 0; n < N; ++n) {
    HOLDFAST_UNROLL
    for (int s = 0; s < S; ++s) sum[n][s] = BroadcastI32(corrections + 4 * n);
  }
}

// Q8_0, Q4_0, Q4_1, Q5_0 and Q5_1.
template <class Dot, class Blocks>
struct BlockFormat {
  static constexpr std::int64_t kUnitBytes = Blocks::kUnitBytes;
  static constexpr std::int64_t kPanelUnitBytes = 2 * (8 * Dot::kGroupBytes + 8);

  template <int N, int S>
  static HWY_INLINE void AddUnit(const std::uint8_t* tile, std::int64_t slice,
                                 const std::uint8_t* panel, VF (&total)[N][S]) {
    HOLDFAST_UNROLL
    for (int block = 0; block < 2; ++block) {
      const std::uint8_t* scales = panel + 8 * N * Dot::kGroupBytes;
      const std::uint8_t* x_sums = scales + 4 * N;
      VI sum[N][S];
      if constexpr (Blocks::kHasMin) {
        SetZero(sum);
      } else {
        SetCorrections(x_sums, sum);
      }
      AddGroups<Dot, 8>(
          [&](int g, int s)
              HWY_ATTR { return Blocks::Load(tile + (slice + s) * kVectorBytes, block, g); },
          panel, sum);
      HOLDFAST_UNROLL
      for (int s = 0; s < S; ++s) {
        const std::uint8_t* halves = tile + block * 32 + (slice + s) * kLanes * 2;
        const VF d = LoadHalves(halves);
        HOLDFAST_UNROLL
        for (int n = 0; n < N; ++n) {
          const VF scale = hn::Mul(d, BroadcastF32(scales + 4 * n));
          total[n][s] = hn::MulAdd(hn::ConvertTo(kF32Tag, sum[n][s]), scale, total[n][s]);
          if constexpr (Blocks::kHasMin) {
            total[n][s] =
                hn::MulAdd(LoadHalves(halves + 64), BroadcastF32(x_sums + 4 * n), total[n][s]);
          }
        }
      }
      panel += N * (8 * Dot::kGroupBytes + 8);
    }
  }
};

// With few rows unpacking costs as much as multiplying, and there are registers to spare.
template <int N, int S>
constexpr bool kFewRows = kLanes == kTileRows && N * S <= 2;

// Adds the unit's eight sub-blocks of 32 columns to `part`, one after the other.
template <class Dot, bool kFifthBits, int N, int S>
HWY_INLINE void AddNibbleRuns(const std::uint8_t* tile, std::int64_t slice,
                              const std::uint8_t* panel, VF (&part)[N][S]) {
  for (int j = 0; j < 8; ++j) {
    const std::uint8_t* q = tile + 320 + j / 2 * 512 + slice * kVectorBytes;
    const std::uint8_t* h = tile + 320 + 2048 + slice * kVectorBytes;
    const auto fifth = [&](VU8 nibbles, std::int64_t at) HWY_ATTR {
      if constexpr (kFifthBits) {
        const auto bits = hn::ShiftRightSame(hn::BitCast(kU16Tag, LoadBytes(h + at)), j);
        const auto bit = hn::And(hn::BitCast(kU8Tag, bits), hn::Set(kU8Tag, 1));
        return hn::Or(nibbles, hn::BitCast(kU8Tag, hn::ShiftLeft<4>(hn::BitCast(kU16Tag, bit))));
      } else {
        (void)h;
        (void)at;
        return nibbles;
      }
    };
    const std::uint8_t* groups = panel + j * 8 * N * Dot::kGroupBytes;
    VI sum[N][S];
    SetZero(sum);
    if (j % 2 == 0) {
      AddGroups<Dot, 8>(
          [&](int g, int s) HWY_ATTR {
            const std::int64_t at = g * 64 + s * kVectorBytes;
            return fifth(LowNibbles(LoadBytes(q + at)), at);
          },
          groups, sum);
    } else {
      AddGroups<Dot, 8>(
          [&](int g, int s) HWY_ATTR {
            const std::int64_t at = g * 64 + s * kVectorBytes;
            return fifth(HighNibbles(LoadBytes(q + at)), at);
          },
          groups, sum);
    }
    HOLDFAST_UNROLL
    for (int s = 0; s < S; ++s) {
      const VF scale = hn::Mul(LoadHalves(tile + (slice + s) * kLanes * 2),
                               LoadUnsignedBytes(tile + 64 + j * 16 + (slice + s) * kLanes));
      AddScaled(sum, scale, s, part);
    }
  }
}

// The same for few rows: every line of nibbles is loaded once for the two sub-blocks in it.
template <class Dot, bool kFifthBits, int N>
HWY_INLINE void AddNibblePairs(const std::uint8_t* tile, const std::uint8_t* panel,
                               VF (&part)[N][1]) {
  const VF d = LoadHalves(tile);
  HOLDFAST_UNROLL
  for (int pair = 0; pair < 4; ++pair) {
    VI sum[2][N][1];
    SetZero(sum[0]);
    SetZero(sum[1]);
    HOLDFAST_UNROLL
    for (int g = 0; g < 8; ++g) {
      const VU8 bytes = LoadBytes(tile + 320 + pair * 512 + g * 64);
      VU8 q[2] = {LowNibbles(bytes), HighNibbles(bytes)};
      if constexpr (kFifthBits) {
        const VU8 fifth = LoadBytes(tile + 320 + 2048 + g * 64);
        HOLDFAST_UNROLL
        for (int odd = 0; odd < 2; ++odd) q[odd] = hn::Or(q[odd], FifthBit(fifth, pair * 2 + odd));
      }
      HOLDFAST_UNROLL
      for (int odd = 0; odd < 2; ++odd) {
        AddGroup<Dot>(q[odd], panel + ((pair * 2 + odd) * 8 + g) * N * Dot::kGroupBytes, 0,
                      sum[odd]);
      }
    }
    HOLDFAST_UNROLL
    for (int odd = 0; odd < 2; ++odd) {
      const VF scale = hn::Mul(d, LoadUnsignedBytes(tile + 64 + (pair * 2 + odd) * 16));
      AddScaled(sum[odd], scale, 0, part);
    }
  }
}

// Q4_K, and Q5_K with its fifth bits. 37 or 45 lines of 64 bytes a unit.
template <class Dot, bool kFifthBits>
struct MinFormat {
  static constexpr std::int64_t kUnitBytes = kFifthBits ? 2880 : 2368;
  static constexpr std::int64_t kPanelUnitBytes = 64 * Dot::kGroupBytes + 20;

  template <int N, int S>
  static HWY_INLINE void AddUnit(const std::uint8_t* tile, std::int64_t slice,
                                 const std::uint8_t* panel, VF (&total)[N][S]) {
    const std::uint8_t* sums = panel + 64 * N * Dot::kGroupBytes;
    const std::uint8_t* scales = sums + 16 * N;
    VF part[N][S];  // Of this unit: sum over sub-blocks of scale * (q . x).
    SetZero(part);
    if constexpr (kFewRows<N, S>) {
      AddNibblePairs<Dot, kFifthBits>(tile, panel, part);
    } else {
      AddNibbleRuns<Dot, kFifthBits>(tile, slice, panel, part);
    }
    HOLDFAST_UNROLL
    for (int s = 0; s < S; ++s) {
      VI16 mins[4];
      HOLDFAST_UNROLL
      for (int p = 0; p < 4; ++p) {
        mins[p] = hn::PromoteTo(
            kI16Tag, hn::LoadU(kBytePairTag, tile + 192 + p * 32 + (slice + s) * kLanes * 2));
      }
      const VF dmin = LoadHalves(tile + 32 + (slice + s) * kLanes * 2);
      HOLDFAST_UNROLL
      for (int n = 0; n < N; ++n) {
        VI min_sum = hn::Zero(kI32Tag);
        HOLDFAST_UNROLL
        for (int p = 0; p < 4; ++p) {
          min_sum = AddPairProducts(min_sum, mins[p],
                                    hn::BitCast(kI16Tag, BroadcastI32(sums + (p * N + n) * 4)));
        }
        const VF d = BroadcastF32(scales + 4 * n);
        total[n][s] = hn::MulAdd(part[n][s], d, total[n][s]);
        total[n][s] = hn::NegMulAdd(hn::ConvertTo(kF32Tag, min_sum), hn::Mul(dmin, d), total[n][s]);
      }
    }
  }
};

// Adds the unit's sub-blocks to `part`, one after the other. Sub-block b is half a run of 32
// columns; runs 0 and 1 of each 128 have the low nibbles.
template <class Dot, int N, int S>
HWY_INLINE void AddSixBitRuns(const std::uint8_t* tile, std::int64_t slice,
                              const std::uint8_t* panel, const std::uint8_t* sums,
                              VF (&part)[N][S]) {
  for (int b = 0; b < 16; ++b) {
    const int run = b % 8 / 2;
    const std::int64_t first_group = b % 2 * 4;
    const std::uint8_t* low = tile + 320 + ((b / 8 * 2 + run % 2) * 8 + first_group) * 64;
    const std::uint8_t* high = tile + 320 + 2048 + (b / 8 * 8 + first_group) * 64;
    VI sum[N][S];
    SetCorrections(sums + b * N * 4, sum);
    AddGroups<Dot, 4>(
        [&](int g, int s) HWY_ATTR {
          const std::int64_t at = g * 64 + (slice + s) * kVectorBytes;
          const auto nibbles = hn::BitCast(
              kU8Tag, hn::ShiftRightSame(hn::BitCast(kU16Tag, LoadBytes(low + at)), run / 2 * 4));
          const auto pairs = hn::BitCast(
              kU8Tag, hn::ShiftRightSame(hn::BitCast(kU16Tag, LoadBytes(high + at)), run * 2));
          const auto upper =
              hn::ShiftLeft<4>(hn::BitCast(kU16Tag, hn::And(pairs, hn::Set(kU8Tag, 3))));
          return hn::Or(LowNibbles(nibbles), hn::BitCast(kU8Tag, upper));
        },
        panel + b * 4 * N * Dot::kGroupBytes, sum);
    HOLDFAST_UNROLL
    for (int s = 0; s < S; ++s) {
      AddScaled(sum, LoadSignedBytes(tile + 64 + b * 16 + (slice + s) * kLanes), s, part);
    }
  }
}

// The same for few rows: every line of the tile is loaded once and unpacked for all runs in it.
template <class Dot, int N>
HWY_INLINE void AddSixBitHalves(const std::uint8_t* tile, const std::uint8_t* panel,
                                const std::uint8_t* sums, VF (&part)[N][1]) {
  const auto upper = [](auto words) HWY_ATTR {
    return hn::And(hn::BitCast(kU8Tag, words), hn::Set(kU8Tag, 0x30));
  };
  HOLDFAST_UNROLL
  for (int half = 0; half < 2; ++half) {
    VI sum[8][N][1];
    HOLDFAST_UNROLL
    for (int b = 0; b < 8; ++b) SetCorrections(sums + (half * 8 + b) * N * 4, sum[b]);
    HOLDFAST_UNROLL
    for (int g = 0; g < 8; ++g) {
      const VU8 low0 = LoadBytes(tile + 320 + (half * 16 + g) * 64);
      const VU8 low1 = LoadBytes(tile + 320 + (half * 16 + 8 + g) * 64);
      const auto high = hn::BitCast(kU16Tag, LoadBytes(tile + 320 + 2048 + (half * 8 + g) * 64));
      const VU8 run[4] = {hn::Or(LowNibbles(low0), upper(hn::ShiftLeft<4>(high))),
                          hn::Or(LowNibbles(low1), upper(hn::ShiftLeft<2>(high))),
                          hn::Or(HighNibbles(low0), upper(high)),
                          hn::Or(HighNibbles(low1), upper(hn::ShiftRight<2>(high)))};
      HOLDFAST_UNROLL
      for (int r = 0; r < 4; ++r) {
        AddGroup<Dot>(run[r], panel + (half * 32 + r * 8 + g) * N * Dot::kGroupBytes, 0,
                      sum[r * 2 + g / 4]);
      }
    }
    HOLDFAST_UNROLL
    for (int b = 0; b < 8; ++b) {
      AddScaled(sum[b], LoadSignedBytes(tile + 64 + (half * 8 + b) * 16), 0, part);
    }
  }
}

template <class Dot>
struct SixBitFormat {
  static constexpr std::int64_t kUnitBytes = 3392;
  static constexpr std::int64_t kPanelUnitBytes = 64 * Dot::kGroupBytes + 68;

  template <int N, int S>
  static HWY_INLINE void AddUnit(const std::uint8_t* tile, std::int64_t slice,
                                 const std::uint8_t* panel, VF (&total)[N][S]) {
    const std::uint8_t* sums = panel + 64 * N * Dot::kGroupBytes;
    const std::uint8_t* scales = sums + 64 * N;
    VF part[N][S];
    SetZero(part);
    if constexpr (kFewRows<N, S>) {
      AddSixBitHalves<Dot>(tile, panel, sums, part);
    } else {
      AddSixBitRuns<Dot>(tile, slice, panel, sums, part);
    }
    HOLDFAST_UNROLL
    for (int s = 0; s < S; ++s) {
      const VF d = LoadHalves(tile + (slice + s) * kLanes * 2);
      HOLDFAST_UNROLL
      for (int n = 0; n < N; ++n) {
        const VF scale = hn::Mul(d, BroadcastF32(scales + 4 * n));
        total[n][s] = hn::MulAdd(part[n][s], scale, total[n][s]);
      }
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace holdfast::kernels::internal
HWY_AFTER_NAMESPACE();

#endif  // HOLDFAST_KERNELS_QUANT_PRODUCTS_INL_H
