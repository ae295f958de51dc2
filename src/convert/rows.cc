#include "convert/rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "kernels/quant/half.h"
#include "kernels/quant/quantize.h"

namespace holdfast::convert {
namespace {

using tensor::DType;
using tensor::TensorView;
using Rows = OutputTensor::Rows;

constexpr std::int64_t kChunkValues = 1 << 18;
constexpr std::int64_t kScaleBlock = 128;

std::int64_t Cols(const OutputTensor& output) {
  return output.spec.shape[output.spec.shape.rank - 1];
}

// Writes the transpose of rows [first, first + count) of `view` ([*, cols]) into the columns of
// target [cols, count].
void TransposeRows(const TensorView& view, std::int64_t first, std::int64_t count, float* target) {
  const std::int64_t cols = view.Cols();
  std::vector<float> row(static_cast<std::size_t>(cols));
  for (std::int64_t i = 0; i < count; ++i) {
    kernels::DequantizeViewRow(view, first + i, row.data());
    for (std::int64_t j = 0; j < cols; ++j)
      target[j * count + i] = row[static_cast<std::size_t>(j)];
  }
}

void ReadStacked(const OutputTensor& output, std::int64_t first, std::int64_t count,
                 float* target) {
  const std::int64_t part_rows = output.parts[0].Rows();
  const std::int64_t cols = output.parts[0].Cols();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = first + i;
    const TensorView& part = output.parts[static_cast<std::size_t>(row / part_rows)];
    kernels::DequantizeViewRow(part, row % part_rows, target + i * cols);
  }
}

// Rows of whole heads, see OutputTensor::Rows.
void ReadHeads(const OutputTensor& output, std::int64_t first, std::int64_t count, float* target) {
  const std::int64_t cols = Cols(output);
  const std::int64_t fused_rows = output.nope + output.value;
  const std::int64_t head_rows = ChunkRows(output);
  CHECK(first % head_rows == 0 && count == head_rows);
  const std::int64_t head = first / head_rows;
  if (output.rows == Rows::kKeyHalf) {
    TransposeRows(output.parts[0], head * fused_rows, output.nope, target);
    return;
  }
  if (output.rows == Rows::kValueHalf) {
    for (std::int64_t i = 0; i < count; ++i) {
      kernels::DequantizeViewRow(output.parts[0], head * fused_rows + output.nope + i,
                                 target + i * cols);
    }
    return;
  }
  TransposeRows(output.parts[0], head * cols, cols, target);
  for (std::int64_t i = 0; i < output.value; ++i) {
    kernels::DequantizeViewRow(output.parts[1], head * output.value + i,
                               target + (output.nope + i) * cols);
  }
}

// The scale of each 128x128 block of `values` [count, cols], row of blocks by row of blocks.
std::vector<float> BlockScales(const std::vector<float>& values, std::int64_t count,
                               std::int64_t cols) {
  const std::int64_t block_cols = (cols + kScaleBlock - 1) / kScaleBlock;
  const std::int64_t block_rows = (count + kScaleBlock - 1) / kScaleBlock;
  std::vector<float> scales(static_cast<std::size_t>(block_rows * block_cols), 0.0f);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < cols; ++j) {
      float& scale =
          scales[static_cast<std::size_t>(i / kScaleBlock * block_cols + j / kScaleBlock)];
      scale = std::max(scale, std::abs(values[static_cast<std::size_t>(i * cols + j)]));
    }
  }
  for (float& scale : scales) scale = scale > 0.0f ? scale / kernels::kF8E4M3Max : 1.0f;
  return scales;
}

Result<void> CheckValues(const OutputTensor& output, const std::vector<float>& values) {
  if (!kernels::IsFinite(values)) {
    return Fail(ErrorCode::kCorrupt, "tensor '{}' has a value that is not finite",
                output.spec.name);
  }
  return {};
}

// Reads an encoded row back: a type that cannot hold a value, or the scale that a block of values
// needs, has stored an infinity.
Result<void> CheckEncoded(const OutputTensor& output, const float* values, const std::byte* bytes,
                          std::int64_t cols) {
  std::vector<float> back(static_cast<std::size_t>(cols));
  kernels::DequantizeRow(output.spec.dtype, bytes, back.data(), cols);
  if (kernels::IsFinite(back)) return {};
  const float largest = *std::max_element(
      values, values + cols, [](float a, float b) { return std::abs(a) < std::abs(b); });
  return Fail(ErrorCode::kOutOfRange,
              "tensor '{}' has the value {}, too large for {}; use a wider type", output.spec.name,
              largest, tensor::DTypeName(output.spec.dtype));
}

std::vector<float> ReadValues(const OutputTensor& output, std::int64_t first, std::int64_t count,
                              std::int64_t cols) {
  std::vector<float> values(static_cast<std::size_t>(count * cols));
  const bool has_heads = output.rows == Rows::kKeyHalf || output.rows == Rows::kValueHalf ||
                         output.rows == Rows::kFused;
  if (has_heads) {
    ReadHeads(output, first, count, values.data());
  } else {
    ReadStacked(output, first, count, values.data());
  }
  return values;
}

template <typename T>
std::vector<std::byte> ToBytes(const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<std::byte> CopyRows(const OutputTensor& output, std::int64_t first,
                                std::int64_t count) {
  const std::int64_t part_rows = output.parts[0].Rows();
  const std::size_t row_bytes = output.parts[0].RowBytes();
  std::vector<std::byte> bytes(static_cast<std::size_t>(count) * row_bytes);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = first + i;
    const TensorView& part = output.parts[static_cast<std::size_t>(row / part_rows)];
    std::memcpy(bytes.data() + static_cast<std::size_t>(i) * row_bytes, part.Row(row % part_rows),
                row_bytes);
  }
  return bytes;
}

Result<std::vector<std::byte>> EncodeScales(const OutputTensor& output, std::int64_t first,
                                            std::int64_t count) {
  const TensorView& matrix = output.parts[0];
  const std::int64_t begin = first * kScaleBlock;
  const std::int64_t rows = std::min(count * kScaleBlock, matrix.Rows() - begin);
  const std::vector<float> values = ReadValues(output, begin, rows, matrix.Cols());
  TRY(CheckValues(output, values));
  return ToBytes(BlockScales(values, rows, matrix.Cols()));
}

}  // namespace

std::int64_t ChunkRows(const OutputTensor& output) {
  switch (output.rows) {
    case Rows::kKeyHalf:
      return output.spec.shape[1];
    case Rows::kValueHalf:
      return output.value;
    case Rows::kFused:
      return output.nope + output.value;
    case Rows::kStacked:
    case Rows::kFp8Scales:
      break;
  }
  if (output.rows == Rows::kFp8Scales) return 1;
  const std::int64_t rows = std::max<std::int64_t>(kChunkValues / Cols(output), 1);
  if (output.spec.dtype != DType::kF8E4M3) return rows;
  return (rows + kScaleBlock - 1) / kScaleBlock * kScaleBlock;
}

Result<std::vector<std::byte>> EncodeRows(const OutputTensor& output, std::int64_t first,
                                          std::int64_t count) {
  if (output.IsCopy()) return CopyRows(output, first, count);
  if (output.rows == Rows::kFp8Scales) return EncodeScales(output, first, count);
  const std::int64_t cols = Cols(output);
  std::vector<float> values = ReadValues(output, first, count, cols);
  TRY(CheckValues(output, values));
  const DType dtype = output.spec.dtype;
  if (dtype == DType::kF8E4M3) {
    const std::vector<float> scales = BlockScales(values, count, cols);
    const std::int64_t block_cols = (cols + kScaleBlock - 1) / kScaleBlock;
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t j = 0; j < cols; ++j) {
        values[static_cast<std::size_t>(i * cols + j)] /=
            scales[static_cast<std::size_t>(i / kScaleBlock * block_cols + j / kScaleBlock)];
      }
    }
  }
  const TensorView row{.dtype = dtype, .shape = {count, cols}};
  std::vector<std::byte> bytes(row.Bytes());
  for (std::int64_t i = 0; i < count; ++i) {
    const float* from = values.data() + i * cols;
    std::byte* to = bytes.data() + static_cast<std::size_t>(i) * row.RowBytes();
    kernels::QuantizeRow(dtype, from, to, cols);
    TRY(CheckEncoded(output, from, to, cols));
  }
  return bytes;
}

}  // namespace holdfast::convert
