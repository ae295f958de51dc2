// Hash64: a 64-bit hash that is the same on every machine and build, for deduplication, held-out
// splits and shuffles. Not for secrets. FNV-1a with the finalizer of SplitMix64 (Vigna, public
// domain). Free functions; thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::trainer {

constexpr std::uint64_t MixBits(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9u;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

constexpr std::uint64_t Hash64(std::string_view text, std::uint64_t seed = 0) {
  std::uint64_t hash = 0xCBF29CE484222325u ^ MixBits(seed + 0x9E3779B97F4A7C15u);
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  }
  return MixBits(hash);
}

// SplitMix64: a small generator whose whole state is one number.
class SplitMix64 {
 public:
  explicit constexpr SplitMix64(std::uint64_t seed) : state_(seed) {}
  constexpr std::uint64_t Next() { return MixBits(state_ += 0x9E3779B97F4A7C15u); }
  // Uniform in [0, bound), bound >= 1 (multiply-shift; the bias is below bound / 2^64).
  constexpr std::uint64_t Below(std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(static_cast<Wide>(Next()) * bound >> 64);
  }
  constexpr double Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace holdfast::trainer
