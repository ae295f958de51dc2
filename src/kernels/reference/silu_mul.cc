#include "kernels/silu_mul.h"

#include <cmath>

namespace holdfast::kernels::reference {

void SiluMul(const float* gate, const float* up, std::int64_t count, float* y) {
  for (std::int64_t i = 0; i < count; ++i) {
    const double g = gate[i];
    y[i] = static_cast<float>(g / (1.0 + std::exp(-g)) * up[i]);
  }
}

}  // namespace holdfast::kernels::reference
