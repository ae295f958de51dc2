// Names of callers as the gateway would see them: keyed hashes of what they are. Equal inputs give
// equal names, so that people can share an address and attackers can copy a browser. Pure.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "drill/random_stream.h"

namespace holdfast::drill {

enum class NameSpace : std::uint64_t {
  kAddress = 1,
  kPrefix,
  kAccount,
  kKey,
  kBrowser,  // Fingerprints of browsers, shared by everyone who uses one,
  kSdk,      // of the official and other client libraries,
  kTool,     // and of attack tools.
  kPayload,
  kViral,
};

// Never 0, which means "none".
inline std::uint64_t NameOf(std::uint64_t seed, NameSpace space, std::uint64_t a,
                            std::uint64_t b = 0) {
  return Mix(Mix(seed, static_cast<std::uint64_t>(space)), a, b) | 1;
}

// Groups of callers by sort. A group's name depends on its place in its own list of the scenario
// alone, so that adding a group of one sort leaves the callers of the others as they were.
enum class GroupSort : std::uint64_t { kPeople = 1, kCrowd, kPrograms, kTrace, kAttack };
inline std::uint64_t GroupName(GroupSort sort, std::size_t index) {
  return Mix(static_cast<std::uint64_t>(sort), index);
}

// One of `count`, a few of them common: the n-th with a share of about (n/count)^(1/3) -
// ((n-1)/count)^(1/3), as browsers are (with 40: 29 %, 8 %, 5 %, ...).
inline std::uint32_t CommonOne(RandomStream& random, std::uint32_t count) {
  const double u = random.Uniform();
  return static_cast<std::uint32_t>(u * u * u * count);
}

}  // namespace holdfast::drill
