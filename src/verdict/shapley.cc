#include "verdict/shapley.h"

#include <algorithm>
#include <bit>

namespace holdfast::verdict {

CauseValues ShapleyValues(const WorldLosses& loss) {
  // Of the six orders, a cause comes first in two, last in two, and after each single other in one.
  constexpr std::array<double, kCauseCount> kWeight = {1.0 / 3, 1.0 / 6, 1.0 / 3};
  CauseValues values{};
  for (int world = 0; world < kWorldCount; ++world) {
    const int present = std::popcount(static_cast<unsigned>(world));
    for (int cause = 0; cause < kCauseCount; ++cause) {
      const int with = world | 1 << cause;
      if (with == world) continue;
      values[cause] += kWeight[present] * (loss[with] - loss[world]);
    }
  }
  return values;
}

CauseShares ShapleyShares(const WorldLosses& loss) {
  CauseShares shares = ShapleyValues(loss);
  double sum = 0;
  for (double& share : shares) {
    share = std::max(share, 0.0);
    sum += share;
  }
  for (double& share : shares) share = sum > 0 ? share / sum : 0;
  return shares;
}

}  // namespace holdfast::verdict
