// What all product kernels of one Highway target share: vectors of up to 16 lanes (the rows of a
// tile, in kColumns slices), loads of stored scales, the store of a finished group, and the two
// ways to multiply groups of four bytes.
#if defined(HOLDFAST_KERNELS_VECTOR_TYPES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HOLDFAST_KERNELS_VECTOR_TYPES_INL_H
#undef HOLDFAST_KERNELS_VECTOR_TYPES_INL_H
#else
#define HOLDFAST_KERNELS_VECTOR_TYPES_INL_H
#endif

#include <cstdint>
#include <cstring>

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/internal/kernel_table.h"
#include "kernels/internal/tile_layout.h"

// Loops over registers must unroll fully, or the arrays of vectors live in memory.
#define HOLDFAST_UNROLL _Pragma("GCC unroll 32")

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::internal {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::CappedTag<float, kTileRows> kF32Tag;
constexpr hn::RebindToSigned<decltype(kF32Tag)> kI32Tag;
constexpr hn::RebindToUnsigned<decltype(kF32Tag)> kU32Tag;
constexpr hn::Repartition<std::int16_t, decltype(kI32Tag)> kI16Tag;
constexpr hn::Repartition<std::uint16_t, decltype(kI32Tag)> kU16Tag;
constexpr hn::Repartition<std::uint8_t, decltype(kI32Tag)> kU8Tag;
// As many narrow values as there are f32 lanes.
constexpr hn::Rebind<hwy::float16_t, decltype(kF32Tag)> kHalfTag;
constexpr hn::Rebind<std::uint16_t, decltype(kF32Tag)> kHalfBitsTag;
constexpr hn::Rebind<std::uint8_t, decltype(kF32Tag)> kByteTag;
constexpr hn::Rebind<std::int8_t, decltype(kF32Tag)> kSignedByteTag;
constexpr hn::Rebind<std::uint8_t, decltype(kI16Tag)> kBytePairTag;

using VF = hn::Vec<decltype(kF32Tag)>;
using VI = hn::Vec<decltype(kI32Tag)>;
using VI16 = hn::Vec<decltype(kI16Tag)>;
using VU8 = hn::Vec<decltype(kU8Tag)>;

constexpr std::int64_t kLanes = hn::MaxLanes(kF32Tag);
constexpr std::int64_t kSlices = kTileRows / kLanes;  // Vectors that make up a tile's 16 rows.
constexpr std::int64_t kVectorBytes = kLanes * 4;

HWY_INLINE VF LoadHalves(const std::uint8_t* halves) {
  return hn::PromoteTo(kF32Tag,
                       hn::LoadU(kHalfTag, reinterpret_cast<const hwy::float16_t*>(halves)));
}
HWY_INLINE VF LoadUnsignedBytes(const std::uint8_t* bytes) {
  return hn::ConvertTo(kF32Tag, hn::PromoteTo(kI32Tag, hn::LoadU(kByteTag, bytes)));
}
HWY_INLINE VF LoadSignedBytes(const std::uint8_t* bytes) {
  return hn::ConvertTo(
      kF32Tag, hn::PromoteTo(kI32Tag, hn::LoadU(kSignedByteTag,
                                                reinterpret_cast<const std::int8_t*>(bytes))));
}
HWY_INLINE VU8 LoadBytes(const std::uint8_t* bytes) { return hn::LoadU(kU8Tag, bytes); }

HWY_INLINE std::int32_t LoadI32(const std::uint8_t* bytes) {
  std::int32_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}
HWY_INLINE VI BroadcastI32(const std::uint8_t* bytes) { return hn::Set(kI32Tag, LoadI32(bytes)); }
HWY_INLINE VF BroadcastF32(const std::uint8_t* bytes) {
  float value;
  std::memcpy(&value, bytes, sizeof(value));
  return hn::Set(kF32Tag, value);
}

// A unit of a tile, some units before it is read: with one or two rows the product outruns the
// hardware's prefetching, which stops at every page. Past the weight's end this does nothing.
constexpr std::int64_t kPrefetchBytes = 4096;
template <int N, std::int64_t kUnitBytes>
HWY_INLINE void PrefetchAhead(const std::uint8_t* unit) {
  if constexpr (N <= 2) {
    for (std::int64_t line = 0; line < kUnitBytes; line += 64) {
      hwy::Prefetch(unit + kPrefetchBytes + line);
    }
  }
}

template <int N, int S>
HWY_INLINE void SetZero(VF (&sums)[N][S]) {
  HOLDFAST_UNROLL
  for (int n = 0; n < N; ++n) {
    HOLDFAST_UNROLL
    for (int s = 0; s < S; ++s) sums[n][s] = hn::Zero(kF32Tag);
  }
}
template <int N, int S>
HWY_INLINE void SetZero(VI (&sums)[N][S]) {
  HOLDFAST_UNROLL
  for (int n = 0; n < N; ++n) {
    HOLDFAST_UNROLL
    for (int s = 0; s < S; ++s) sums[n][s] = hn::Zero(kI32Tag);
  }
}

// sum[i] + a[2i] * b[2i] + a[2i + 1] * b[2i + 1], exact.
HWY_INLINE VI AddPairProducts(VI sum, VI16 a, VI16 b) {
  VI unused = hn::Zero(kI32Tag);
  return hn::ReorderWidenMulAccumulate(kI32Tag, a, b, sum, unused);
}

// Writes one finished row of a group, or the part of it that exists.
HWY_INLINE void StoreRow(const VF* sums, std::int64_t slices, std::int64_t first_slice,
                         const ProductArgs& args, std::int64_t row) {
  float* y = args.y + row * args.y_stride;
  for (std::int64_t s = 0; s < slices; ++s) {
    const std::int64_t at = (first_slice + s) * kLanes;
    if (at + kLanes <= args.outputs) {
      hn::StoreU(sums[s], kF32Tag, y + at);
    } else if (at < args.outputs) {
      HWY_ALIGN float lanes[kLanes];
      hn::Store(sums[s], kF32Tag, lanes);
      std::memcpy(y + at, lanes, static_cast<std::size_t>(args.outputs - at) * sizeof(float));
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace holdfast::kernels::internal
HWY_AFTER_NAMESPACE();

#endif  // HOLDFAST_KERNELS_VECTOR_TYPES_INL_H
