// TensorView: dtype, shape and a borrowed pointer; the mapped file or buffer that owns the bytes
// must outlive it. Shapes are row-major, slowest dimension first, as in Hugging Face ([out, in]).
// Value type, thread-compatible.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/check.h"
#include "tensor/dtype.h"

namespace holdfast::tensor {

constexpr int kMaxRank = 4;

struct Shape {
  std::array<std::int64_t, kMaxRank> dims{};
  int rank = 0;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> list) {
    CHECK(list.size() <= kMaxRank);
    for (std::int64_t dim : list) dims[rank++] = dim;
  }

  std::int64_t operator[](int i) const { return dims[i]; }
  // Product of all dimensions; 1 for rank 0. Readers check for overflow before making a Shape.
  std::int64_t Count() const {
    std::int64_t count = 1;
    for (int i = 0; i < rank; ++i) count *= dims[i];
    return count;
  }
  bool operator==(const Shape&) const = default;
  std::string ToString() const;  // "[2048, 7168]"
};

struct TensorView {
  DType dtype = DType::kF32;
  Shape shape;
  const std::byte* data = nullptr;
  // Only for kF8E4M3: f32 scales [ceil(rows/128), ceil(cols/128)], value = f8 * scale.
  const float* block_scale = nullptr;

  // Matrix view: the last dimension is a row; all others together are rows.
  std::int64_t Cols() const { return shape.rank == 0 ? 1 : shape[shape.rank - 1]; }
  std::int64_t Rows() const {
    std::int64_t rows = 1;
    for (int i = 0; i + 1 < shape.rank; ++i) rows *= shape[i];
    return rows;
  }
  std::size_t RowBytes() const {
    return static_cast<std::size_t>(Cols()) / BlockElements(dtype) * BlockBytes(dtype);
  }
  std::size_t Bytes() const { return static_cast<std::size_t>(Rows()) * RowBytes(); }
  const std::byte* Row(std::int64_t row) const {
    return data + static_cast<std::size_t>(row) * RowBytes();
  }
};

}  // namespace holdfast::tensor
