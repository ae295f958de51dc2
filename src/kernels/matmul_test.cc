#include "kernels/matmul.h"

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::kernels {
namespace {

using tensor::DType;

TEST(MatMul, MultipliesByRowsOfTheWeight) {
  const std::vector<float> weight = {1, 2, 3, 4, 5, 6};  // [2, 3]
  const std::vector<float> x = {1, 10, 100, 2, 0, 1};    // [2, 3]
  parallel::ThreadPool pool(2);
  const tensor::TensorView view{.dtype = DType::kF32,
                                .shape = {2, 3},
                                .data = reinterpret_cast<const std::byte*>(weight.data()),
                                .block_scale = nullptr};
  const auto packed = PackedMatrix::Pack(view, {.reference = true}, pool);
  ASSERT_TRUE(packed.has_value());
  std::vector<float> y(4);
  const MatMulJob job{.weight = &*packed,
                      .x = x.data(),
                      .x_stride = 3,
                      .y = y.data(),
                      .y_stride = 2,
                      .rows = 2,
                      .row_index = nullptr};
  MatMul({&job, 1}, pool);
  EXPECT_EQ(y, (std::vector<float>{321, 654, 5, 14}));
}

TEST(MatMul, RefusesIntegersAndBrokenBlocks) {
  parallel::ThreadPool pool(1);
  const std::vector<std::byte> bytes(1024);
  tensor::TensorView view{
      .dtype = DType::kI32, .shape = {4, 4}, .data = bytes.data(), .block_scale = nullptr};
  auto packed = PackedMatrix::Pack(view, {}, pool);
  ASSERT_FALSE(packed.has_value());
  EXPECT_EQ(packed.error().code, ErrorCode::kUnsupported);
  view.dtype = DType::kQ8_0;
  packed = PackedMatrix::Pack(view, {}, pool);
  ASSERT_FALSE(packed.has_value());
  EXPECT_EQ(packed.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace holdfast::kernels
