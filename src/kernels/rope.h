// Rotary position embedding with YaRN (arXiv 2309.00071) in DeepSeek's form. Adjacent numbers
// (2i, 2i + 1) are one pair and turn together, as in the published weights. Thread-safe.
#pragma once

#include <cstdint>
#include <vector>

namespace holdfast::kernels {

struct YarnOptions {
  double factor = 1.0;
  double original_positions = 4096;
  double beta_fast = 32.0;
  double beta_slow = 1.0;
  double mscale = 1.0;
  double mscale_all_dim = 0.0;
};

struct RopeTable {
  std::vector<double> frequency;      // [dim / 2], radians a position.
  double amplitude = 1.0;             // Factor of cos and sin.
  double softmax_scale_factor = 1.0;  // To multiply the attention's 1 / sqrt(head dim) with.
};

// `yarn` may be null: plain RoPE.
RopeTable MakeRopeTable(std::int64_t dim, double base, const YarnOptions* yarn);

// cos and sin [dim / 2] of one position. The angle is computed in double: at position 100'000 a
// float angle would be off by more than the fastest pair's step.
void RopeAngles(const RopeTable& table, std::int64_t position, float* cos, float* sin);

// y = x turned; [dim], x and y may be the same.
void Rope(const float* x, const float* cos, const float* sin, std::int64_t dim, float* y);

namespace reference {
void Rope(const float* x, const float* cos, const float* sin, std::int64_t dim, float* y);
}  // namespace reference

}  // namespace holdfast::kernels
