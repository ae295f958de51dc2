// The gated unit of every feed-forward layer: y = silu(gate) * up, silu(g) = g / (1 + exp(-g)).
// [count] floats; y may be gate or up. Pure functions, thread-safe.
#pragma once

#include <cstdint>

namespace holdfast::kernels {

void SiluMul(const float* gate, const float* up, std::int64_t count, float* y);

namespace reference {
void SiluMul(const float* gate, const float* up, std::int64_t count, float* y);
}  // namespace reference

}  // namespace holdfast::kernels
