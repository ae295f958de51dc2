// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011). A draw is a pure function of (key, counter), so the n-th
// token of a request depends on its seed and n alone: not on the batch, not on a preemption, and
// there is no state to keep. Free functions; thread-safe.
#pragma once

#include <array>
#include <cstdint>

namespace holdfast::engine {

using PhiloxBlock = std::array<std::uint32_t, 4>;

constexpr PhiloxBlock Philox(PhiloxBlock counter, std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53;
  constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9;
  constexpr std::uint32_t kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter[0];
    const std::uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

// 64 random bits, number `index` of the sequence named by `seed`.
constexpr std::uint64_t RandomBits(std::uint64_t seed, std::uint64_t index) {
  const PhiloxBlock block =
      Philox({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), 0, 0},
             {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return static_cast<std::uint64_t>(block[1]) << 32 | block[0];
}

// Uniform in [0, 1), 53 bits.
constexpr double RandomUnit(std::uint64_t seed, std::uint64_t index) {
  return static_cast<double>(RandomBits(seed, index) >> 11) * 0x1.0p-53;
}

}  // namespace holdfast::engine
