#include "trainer/optimizer.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "kernels/gemm.h"

namespace holdfast::trainer {
namespace {

// Five Newton-Schulz steps bring all but tiny singular values into about [0.7, 1.2], so the Gram
// matrix of the smaller side is near the identity.
void ExpectNearlyOrthogonal(std::int64_t rows, std::int64_t cols, const std::vector<float>& x) {
  const std::int64_t side = std::min(rows, cols);
  for (std::int64_t i = 0; i < side; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      double dot = 0;
      for (std::int64_t k = 0; k < std::max(rows, cols); ++k) {
        dot += rows <= cols ? static_cast<double>(x[i * cols + k]) * x[j * cols + k]
                            : static_cast<double>(x[k * cols + i]) * x[k * cols + j];
      }
      if (i == j) {
        EXPECT_GT(dot, 0.4) << i;
        EXPECT_LT(dot, 1.6) << i;
      } else {
        EXPECT_LT(std::abs(dot), 0.35) << i << " " << j;
      }
    }
  }
}

TEST(Muon, OrthogonalisesWideTallAndSquareMatrices) {
  const std::int64_t shapes[][2] = {{16, 48}, {48, 16}, {12, 12}, {1, 30}};
  for (const auto& [rows, cols] : shapes) {
    Random random(4);
    std::vector<float> x(static_cast<std::size_t>(rows * cols));
    for (float& value : x) value = static_cast<float>(1e-4 * random.Normal());
    // A square random matrix has singular values near 0, which need many more steps; a strong
    // diagonal keeps them away from it.
    if (rows == cols) {
      for (std::int64_t i = 0; i < rows; ++i) x[i * cols + i] += 1e-3f;
    }
    std::vector<float> y = x, product(x.size()), gram(x.size() + 256), gram2(gram);
    Orthogonalise(rows, cols, y.data(), product.data(), gram.data(), gram2.data());
    ExpectNearlyOrthogonal(rows, cols, y);
    if (!kernels::HasNativeBf16()) continue;
    std::vector<kernels::Bf16> x_rounded(x.size()), gram_rounded(gram.size());
    OrthogonaliseBf16(rows, cols, x.data(), product.data(), gram.data(), gram2.data(),
                      x_rounded.data(), gram_rounded.data());
    ExpectNearlyOrthogonal(rows, cols, x);
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], 0.06);
  }
}

}  // namespace
}  // namespace holdfast::trainer
