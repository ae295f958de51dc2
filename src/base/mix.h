// Mix64: spreads the bits of a number over all 64 (the finalizer of SplitMix64, a bijection), for
// hash tables, samples by hash and names made of several parts. Not for secrets.
#pragma once

#include <cstdint>

namespace holdfast {

constexpr std::uint64_t Mix64(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

// Of two parts, in order.
constexpr std::uint64_t Mix64(std::uint64_t first, std::uint64_t second) {
  return Mix64(first + 0x9E3779B97F4A7C15u * (second + 1));
}

}  // namespace holdfast
