// RMSNorm of one row: y = x / sqrt(mean(x^2) + epsilon) * weight. Reads and writes [count] floats;
// x and y may be the same. Pure functions, thread-safe.
#pragma once

#include <cstdint>

namespace holdfast::kernels {

void RmsNorm(const float* x, const float* weight, float epsilon, std::int64_t count, float* y);

// The residual stream's step: x += added, then y = RmsNorm(x).
void AddRmsNorm(float* x, const float* added, const float* weight, float epsilon,
                std::int64_t count, float* y);

// x += scale * added.
void AddScaled(float* x, const float* added, float scale, std::int64_t count);

namespace reference {
void RmsNorm(const float* x, const float* weight, float epsilon, std::int64_t count, float* y);
void AddRmsNorm(float* x, const float* added, const float* weight, float epsilon,
                std::int64_t count, float* y);
void AddScaled(float* x, const float* added, float scale, std::int64_t count);
}  // namespace reference

}  // namespace holdfast::kernels
