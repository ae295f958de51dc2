#include "kernels/rope.h"

namespace holdfast::kernels::reference {

void Rope(const float* x, const float* cos, const float* sin, std::int64_t dim, float* y) {
  for (std::int64_t i = 0; i < dim / 2; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1];
    y[2 * i] = a * cos[i] - b * sin[i];
    y[2 * i + 1] = a * sin[i] + b * cos[i];
  }
}

}  // namespace holdfast::kernels::reference
