#include "kernels/rms_norm.h"

#include <cmath>

namespace holdfast::kernels::reference {

void RmsNorm(const float* x, const float* weight, float epsilon, std::int64_t count, float* y) {
  double squares = 0;
  for (std::int64_t i = 0; i < count; ++i) squares += static_cast<double>(x[i]) * x[i];
  const double factor = 1.0 / std::sqrt(squares / static_cast<double>(count) + epsilon);
  for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<float>(x[i] * factor * weight[i]);
}

void AddRmsNorm(float* x, const float* added, const float* weight, float epsilon,
                std::int64_t count, float* y) {
  AddScaled(x, added, 1.0f, count);
  RmsNorm(x, weight, epsilon, count, y);
}

void AddScaled(float* x, const float* added, float scale, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) x[i] += scale * added[i];
}

}  // namespace holdfast::kernels::reference
