#include "kernels/internal/tile_layout.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "kernels/quant/blocks.h"

namespace holdfast::kernels::internal {
namespace {

using tensor::DType;

// One stored row going into lane `lane` of a tile. `blocks` counts the row's stored blocks.
struct Lane {
  const std::uint8_t* source;
  std::uint8_t* target;
  std::int64_t blocks;
  std::size_t unit_bytes;
  std::int64_t lane;
};

template <typename T>
void PackPlain(const Lane& row, std::int64_t unit_columns, std::int64_t pair) {
  for (std::int64_t k = 0; k < row.blocks; ++k) {
    const std::int64_t in_unit = k % unit_columns;
    std::uint8_t* unit = row.target + static_cast<std::size_t>(k / unit_columns) * row.unit_bytes;
    const std::int64_t index = (in_unit / pair * kTileRows + row.lane) * pair + in_unit % pair;
    std::memcpy(unit + static_cast<std::size_t>(index) * sizeof(T),
                row.source + static_cast<std::size_t>(k) * sizeof(T), sizeof(T));
  }
}

// Writes four bytes at a group of four columns: the step from stored order to lanes.
void StoreGroup(const Lane& row, std::uint8_t* vectors, std::int64_t group,
                const std::uint8_t* four) {
  std::memcpy(vectors + (group * kTileRows + row.lane) * 4, four, 4);
}

void StoreHalf(std::uint8_t* halves, std::int64_t lane, const std::uint8_t* half) {
  std::memcpy(halves + lane * 2, half, 2);
}

void PackQ8_0(const Lane& row) {
  for (std::int64_t b = 0; b < row.blocks; ++b) {
    const std::uint8_t* block = row.source + b * 34;
    std::uint8_t* unit = row.target + static_cast<std::size_t>(b / 2) * row.unit_bytes;
    StoreHalf(unit + b % 2 * 32, row.lane, block);
    for (int g = 0; g < 8; ++g) {
      std::uint8_t four[4];
      for (int i = 0; i < 4; ++i) four[i] = block[2 + g * 4 + i] ^ 0x80;
      StoreGroup(row, unit + 64 + b % 2 * 512, g, four);
    }
  }
}

// Q4_0, Q4_1, Q5_0 and Q5_1.
void PackNibbles(const Lane& row, bool has_min, bool has_fifth_bits) {
  const int high_at = has_min ? 4 : 2;
  const int nibbles_at = high_at + (has_fifth_bits ? 4 : 0);
  for (std::int64_t b = 0; b < row.blocks; ++b) {
    const std::uint8_t* block = row.source + b * (nibbles_at + 16);
    std::uint8_t* unit = row.target + static_cast<std::size_t>(b / 2) * row.unit_bytes;
    StoreHalf(unit + b % 2 * 32, row.lane, block);
    if (has_min) StoreHalf(unit + 64 + b % 2 * 32, row.lane, block + 2);
    std::uint8_t* nibbles = unit + (has_min ? 128 : 64) + row.lane * 4;
    std::uint8_t* fifth_bits = nibbles + 512 + b % 2 * 64;
    for (int k = 0; k < 32; ++k) {
      std::uint8_t& nibble = nibbles[k / 4 * kTileRows * 4 + k % 4];
      nibble = static_cast<std::uint8_t>(nibble | Nibble(block + nibbles_at, k) << (b % 2 * 4));
      if (!has_fifth_bits) continue;
      std::uint8_t& fifth = fifth_bits[k % 4];
      fifth = static_cast<std::uint8_t>(fifth | FifthBit(block + high_at, k) >> 4 << (k / 4));
    }
  }
}

// Q4_K and Q5_K; `low_at` is where the nibbles start in a stored block.
void PackQ45K(const Lane& row, std::size_t block_bytes, int low_at) {
  for (std::int64_t b = 0; b < row.blocks; ++b) {
    const std::uint8_t* block = row.source + static_cast<std::size_t>(b) * block_bytes;
    std::uint8_t* unit = row.target + static_cast<std::size_t>(b) * row.unit_bytes;
    StoreHalf(unit, row.lane, block);
    StoreHalf(unit + 32, row.lane, block + 2);
    const std::uint8_t* packed = block + 4;
    for (int j = 0; j < 8; ++j) {
      const int scale = j < 4 ? packed[j] & 63 : (packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4);
      const int min = j < 4 ? packed[j + 4] & 63 : (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4);
      unit[64 + j * kTileRows + row.lane] = static_cast<std::uint8_t>(scale);
      unit[192 + (j / 2 * kTileRows + row.lane) * 2 + j % 2] = static_cast<std::uint8_t>(min);
    }
    for (int g = 0; g < 32; ++g) StoreGroup(row, unit + 320, g, block + low_at + g * 4);
    if (low_at == 48) {
      for (int g = 0; g < 8; ++g) StoreGroup(row, unit + 320 + 2048, g, block + 16 + g * 4);
    }
  }
}

void PackQ6_K(const Lane& row) {
  for (std::int64_t b = 0; b < row.blocks; ++b) {
    const std::uint8_t* block = row.source + b * 210;
    std::uint8_t* unit = row.target + static_cast<std::size_t>(b) * row.unit_bytes;
    StoreHalf(unit, row.lane, block + 208);
    for (int s = 0; s < 16; ++s) unit[64 + s * kTileRows + row.lane] = block[192 + s];
    for (int g = 0; g < 32; ++g) StoreGroup(row, unit + 320, g, block + g * 4);
    for (int g = 0; g < 16; ++g) StoreGroup(row, unit + 320 + 2048, g, block + 128 + g * 4);
  }
}

void PackLane(DType type, const Lane& row) {
  switch (type) {
    case DType::kF32:
      return PackPlain<std::uint32_t>(row, 64, 1);
    case DType::kF16:
      return PackPlain<std::uint16_t>(row, 64, 1);
    case DType::kBF16:
      return PackPlain<std::uint16_t>(row, 64, 2);
    case DType::kF8E4M3:
      return PackPlain<std::uint8_t>(row, 64, 1);
    case DType::kQ8_0:
      return PackQ8_0(row);
    case DType::kQ4_0:
      return PackNibbles(row, false, false);
    case DType::kQ4_1:
      return PackNibbles(row, true, false);
    case DType::kQ5_0:
      return PackNibbles(row, false, true);
    case DType::kQ5_1:
      return PackNibbles(row, true, true);
    case DType::kQ4_K:
      return PackQ45K(row, 144, 16);
    case DType::kQ5_K:
      return PackQ45K(row, 176, 48);
    case DType::kQ6_K:
      return PackQ6_K(row);
    case DType::kI32:
    case DType::kI64:
      break;
  }
  CHECK_MSG(false, "no tile layout for type {}", tensor::DTypeName(type));
}

}  // namespace

std::int64_t UnitColumns(DType type) { return tensor::BlockElements(type) == 256 ? 256 : 64; }

std::size_t UnitBytes(DType type) {
  switch (type) {
    case DType::kF32:
      return 4096;
    case DType::kF16:
    case DType::kBF16:
      return 2048;
    case DType::kF8E4M3:
      return 1024;
    case DType::kQ8_0:
      return 64 + 1024;
    case DType::kQ4_0:
      return 64 + 512;
    case DType::kQ4_1:
      return 64 + 64 + 512;
    case DType::kQ5_0:
      return 64 + 512 + 128;
    case DType::kQ5_1:
      return 64 + 64 + 512 + 128;
    case DType::kQ4_K:
      return 64 + 256 + 2048;
    case DType::kQ5_K:
      return 64 + 256 + 2048 + 512;
    case DType::kQ6_K:
      return 64 + 256 + 2048 + 1024;
    case DType::kI32:
    case DType::kI64:
      break;
  }
  CHECK_MSG(false, "no tile layout for type {}", tensor::DTypeName(type));
}

std::size_t TileHeaderBytes(DType type, std::int64_t units) {
  if (type != DType::kF8E4M3) return 0;
  return (static_cast<std::size_t>(units) * sizeof(float) + 63) / 64 * 64;
}

void PackTile(const tensor::TensorView& weight, std::int64_t tile, std::byte* target) {
  const std::int64_t units = UnitCount(weight.dtype, weight.Cols());
  const std::size_t header = TileHeaderBytes(weight.dtype, units);
  if (weight.dtype == DType::kF8E4M3) {
    for (std::int64_t unit = 0; unit < units; ++unit) {
      const std::int64_t scale_columns = (weight.Cols() + 127) / 128;
      const float scale =
          weight.block_scale == nullptr
              ? 1.0f
              : weight.block_scale[tile * kTileRows / 128 * scale_columns + unit * 64 / 128];
      std::memcpy(target + unit * static_cast<std::int64_t>(sizeof(float)), &scale, sizeof(float));
    }
  }
  const std::int64_t first = tile * kTileRows;
  const std::int64_t count = std::min(kTileRows, weight.Rows() - first);
  for (std::int64_t lane = 0; lane < count; ++lane) {
    PackLane(
        weight.dtype,
        {.source = reinterpret_cast<const std::uint8_t*>(weight.Row(first + lane)),
         .target = reinterpret_cast<std::uint8_t*>(target) + header,
         .blocks = weight.Cols() / static_cast<std::int64_t>(tensor::BlockElements(weight.dtype)),
         .unit_bytes = UnitBytes(weight.dtype),
         .lane = lane});
  }
}

}  // namespace holdfast::kernels::internal
