// Shapley shares of three causes: a cause's average marginal contribution to the loss over the six
// orders in which the causes can be added (Shapley 1953). Pure.
#pragma once

#include <array>
#include <cstdint>

namespace holdfast::verdict {

enum class Cause : std::uint8_t { kHostile, kDemand, kLostCapacity };
inline constexpr int kCauseCount = static_cast<int>(Cause::kLostCapacity) + 1;
inline constexpr int kWorldCount = 1 << kCauseCount;

// The causes that are present in a replay. As a number, bit i is cause i.
struct CausePresence {
  bool hostile = false;
  bool demand = false;
  bool lost_capacity = false;

  static constexpr CausePresence Of(int world) {
    return {(world & 1) != 0, (world & 2) != 0, (world & 4) != 0};
  }
  constexpr int world() const {
    return (hostile ? 1 : 0) | (demand ? 2 : 0) | (lost_capacity ? 4 : 0);
  }
};

using WorldLosses = std::array<double, kWorldCount>;  // By CausePresence::world().
using CauseValues = std::array<double, kCauseCount>;  // By Cause.
using CauseShares = CauseValues;                      // Parts of 1.

// Sums to loss[7] - loss[0].
CauseValues ShapleyValues(const WorldLosses& loss);

// The values as parts of 1. A cause whose presence lowers the loss has no share; all zero where
// nothing was lost.
CauseShares ShapleyShares(const WorldLosses& loss);

}  // namespace holdfast::verdict
