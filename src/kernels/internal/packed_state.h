// What a PackedMatrix holds. Private to the products; immutable after Pack.
#pragma once

#include <cstdint>

#include "kernels/matmul.h"
#include "tensor/tensor_view.h"

namespace holdfast::kernels {

struct PackedMatrix::State {
  std::int64_t out = 0;
  std::int64_t in = 0;
  std::size_t bytes = 0;
  tensor::TensorView view;  // The weight as stored; read by the reference products alone.
};

}  // namespace holdfast::kernels
