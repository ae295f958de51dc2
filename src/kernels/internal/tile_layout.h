// The packed form of a weight: tiles of 16 rows, one after the other, padded with zero rows and
// zero columns. All kernels of all instruction sets read this one layout.
//
// In a tile the 16 rows are interleaved across vector lanes, so a dot product runs down K inside
// one lane and its order of accumulation does not depend on how many rows of x are computed. K is
// cut into units; inside a unit (16 = row of the tile, innermost):
//
//   F32, F16    unit 64: value[64][16]
//   BF16        unit 64: value[32][16][2]               pairs of k, as VDPBF16PS wants
//   F8E4M3      unit 64: value[64][16]; before the first unit scale[units] f32, padded to 64 bytes
//   Q8_0        unit 64: d[2][16] f16; q[2][8][16][4]   q + 128 as u8; groups of four k
//   Q4_0        unit 64: d[2][16] f16; q[8][16][4]      low nibble: block 0, high nibble: block 1
//   Q4_1        unit 64: d[2][16] f16; m[2][16] f16; q as in Q4_0
//   Q5_0, Q5_1  as Q4_0, Q4_1, then fifth bits h[2][16][4]   bit g of h[b]: group g of block b
//   Q4_K        unit 256: d[16] f16, dmin[16] f16; scale[8][16] u8; min[4][16][2] u8;
//               q[4][8][16][4]                          low nibble: sub-block 2c, high: 2c + 1
//   Q5_K        as Q4_K, then fifth bits h[8][16][4]    bit j: sub-block j
//   Q6_K        unit 256: d[16] f16, 32 bytes of padding; scale[16][16] i8; low[2][2][8][16][4];
//               h[2][8][16][4]                          as in the stored block, halves of 128
//
// Every vector starts on a 64-byte line. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/tensor_view.h"

namespace holdfast::kernels::internal {

constexpr std::int64_t kTileRows = 16;

// Columns in a unit, and its bytes in a tile.
std::int64_t UnitColumns(tensor::DType type);
std::size_t UnitBytes(tensor::DType type);

inline std::int64_t UnitCount(tensor::DType type, std::int64_t columns) {
  const std::int64_t unit = UnitColumns(type);
  return (columns + unit - 1) / unit;
}

// Bytes before the first unit (F8E4M3's scales; 0 for the others).
std::size_t TileHeaderBytes(tensor::DType type, std::int64_t units);

inline std::size_t TileBytes(tensor::DType type, std::int64_t columns) {
  const std::int64_t units = UnitCount(type, columns);
  return TileHeaderBytes(type, units) + static_cast<std::size_t>(units) * UnitBytes(type);
}

// Writes tile `tile` (rows 16 * tile ...) of `weight` to `target`, which is zero-filled and
// TileBytes() long.
void PackTile(const tensor::TensorView& weight, std::int64_t tile, std::byte* target);

}  // namespace holdfast::kernels::internal
