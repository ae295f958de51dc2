// The byte layouts of the quantized blocks, as in GGUF (docs/formats/quant-blocks.md). All members
// are bytes or half floats, so a block has no padding and may lie at any even address.
#pragma once

#include <array>
#include <cstdint>

namespace holdfast::kernels {

inline constexpr int kSuperBlock = 256;  // Values in a k-quant block.

struct BlockQ8_0 {
  std::uint16_t d;  // F16 scale.
  std::int8_t q[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

struct BlockQ4_0 {
  std::uint16_t d;
  std::uint8_t q[16];  // Low nibbles: values 0..15; high nibbles: 16..31.
};
static_assert(sizeof(BlockQ4_0) == 18);

struct BlockQ4_1 {
  std::uint16_t d;
  std::uint16_t min;   // F16, added.
  std::uint8_t q[16];  // As in Q4_0.
};
static_assert(sizeof(BlockQ4_1) == 20);

struct BlockQ5_0 {
  std::uint16_t d;
  std::uint8_t high[4];  // Fifth bits: bit i % 8 of byte i / 8 is value i.
  std::uint8_t q[16];
};
static_assert(sizeof(BlockQ5_0) == 22);

struct BlockQ5_1 {
  std::uint16_t d;
  std::uint16_t min;
  std::uint8_t high[4];
  std::uint8_t q[16];
};
static_assert(sizeof(BlockQ5_1) == 24);

struct BlockQ4_K {
  std::uint16_t d;          // F16 scale of the eight 6-bit scales.
  std::uint16_t dmin;       // F16 scale of the eight 6-bit minima.
  std::uint8_t scales[12];  // Packed, see UnpackScaleMin.
  std::uint8_t q[128];      // Per 64 values 32 bytes: low nibbles the first 32, high the second.
};
static_assert(sizeof(BlockQ4_K) == 144);

struct BlockQ5_K {
  std::uint16_t d;
  std::uint16_t dmin;
  std::uint8_t scales[12];
  std::uint8_t high[32];  // Fifth bits: bit j of byte l is value 32 * j + l.
  std::uint8_t q[128];
};
static_assert(sizeof(BlockQ5_K) == 176);

struct BlockQ6_K {
  std::uint8_t low[128];   // Per 128 values 64 bytes of low nibbles.
  std::uint8_t high[64];   // Per 128 values 32 bytes of upper bit pairs.
  std::int8_t scales[16];  // One per 16 values.
  std::uint16_t d;
};
static_assert(sizeof(BlockQ6_K) == 210);

// Value `i` (0..31) of a block of 32: its low four bits, and its fifth bit in place.
inline int Nibble(const std::uint8_t* q, int i) { return i < 16 ? q[i] & 15 : q[i - 16] >> 4; }
inline int FifthBit(const std::uint8_t* high, int i) { return (high[i / 8] >> (i % 8) & 1) << 4; }

struct ScaleMin {
  std::uint8_t scale;  // 0..63
  std::uint8_t min;    // 0..63
};

// The scale and minimum of sub-block `j` (0..7) out of the 12 packed bytes of Q4_K and Q5_K: the
// first four of each in the low six bits of bytes 0..7; of the last four, the low nibbles in bytes
// 8..11 and the two upper bits on top of bytes 0..7.
inline ScaleMin UnpackScaleMin(const std::uint8_t* scales, int j) {
  if (j < 4) {
    return {static_cast<std::uint8_t>(scales[j] & 63),
            static_cast<std::uint8_t>(scales[j + 4] & 63)};
  }
  return {static_cast<std::uint8_t>((scales[j + 4] & 15) | ((scales[j - 4] >> 6) << 4)),
          static_cast<std::uint8_t>((scales[j + 4] >> 4) | ((scales[j] >> 6) << 4))};
}

inline void PackScaleMin(const std::array<ScaleMin, 8>& values, std::uint8_t* scales) {
  for (int j = 0; j < 4; ++j) {
    const ScaleMin first = values[j];
    const ScaleMin second = values[j + 4];
    scales[j] = static_cast<std::uint8_t>(first.scale | ((second.scale >> 4) << 6));
    scales[j + 4] = static_cast<std::uint8_t>(first.min | ((second.min >> 4) << 6));
    scales[j + 8] = static_cast<std::uint8_t>((second.scale & 15) | ((second.min & 15) << 4));
  }
}

}  // namespace holdfast::kernels
