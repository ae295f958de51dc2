// RandomStream: one caller's own random numbers in eight bytes (SplitMix64: Steele, Lea, Flood
// 2014), so that a million callers fit in memory and none disturbs another's. Single-threaded.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace holdfast::drill {

// A bijection that scatters; Mix(Mix(a) + b) names a pair.
constexpr std::uint64_t Mix(std::uint64_t z) {
  z += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}
constexpr std::uint64_t Mix(std::uint64_t a, std::uint64_t b) { return Mix(Mix(a) + b); }
constexpr std::uint64_t Mix(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  return Mix(Mix(a, b) + c);
}
// In [0, 1).
constexpr double UnitOf(std::uint64_t hash) { return static_cast<double>(hash >> 11) * 0x1.0p-53; }

class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed = 0) : state_(seed) {}

  std::uint64_t Next() {
    const std::uint64_t word = Mix(state_);
    state_ += 0x9E3779B97F4A7C15u;
    return word;
  }
  double Uniform() { return UnitOf(Next()); }
  double Uniform(double low, double high) { return low + (high - low) * Uniform(); }
  bool Chance(double probability) { return Uniform() < probability; }
  // In [0, count).
  std::uint32_t Below(std::uint32_t count) {
    return static_cast<std::uint32_t>(((Next() >> 32) * count) >> 32);
  }

  double Exponential(double mean) { return -mean * std::log(1 - Uniform()); }

  struct Pair {
    double first;
    double second;
  };
  // Two independent standard normals (Box-Muller).
  Pair Normals() {
    const double radius = std::sqrt(-2 * std::log(1 - Uniform()));
    const double angle = 2 * std::numbers::pi * Uniform();
    return {radius * std::cos(angle), radius * std::sin(angle)};
  }
  double LogNormal(double median, double sigma) {
    return median * std::exp(sigma * Normals().first);
  }
  // Mean 1 (Marsaglia and Tsang 2000).
  double Gamma(double shape) {
    const double boost = shape < 1 ? std::pow(1 - Uniform(), 1 / shape) : 1;
    const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
    const double c = 1 / std::sqrt(9 * d);
    for (;;) {
      const double x = Normals().first;
      const double v = (1 + c * x) * (1 + c * x) * (1 + c * x);
      if (v <= 0) continue;
      if (std::log(1 - Uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) {
        return boost * d * v / shape;
      }
    }
  }
  // Mean 1.
  double Weibull(double shape) {
    return std::pow(-std::log(1 - Uniform()), 1 / shape) / std::tgamma(1 + 1 / shape);
  }

 private:
  std::uint64_t state_;
};

}  // namespace holdfast::drill
