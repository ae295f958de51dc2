#include "guard/evidence/features.h"

#include <algorithm>
#include <cmath>

namespace holdfast::guard {
namespace {

constexpr double kGapSteps = 16;  // Of one doubling.

}  // namespace

void GapSums::Add(Duration gap) {
  const double milliseconds = std::max(1.0, static_cast<double>(gap.count()) / 1000);
  const auto log = static_cast<std::uint64_t>(std::log2(milliseconds) * kGapSteps);
  ++count;
  sum += log;
  square += log * log;
}

void GapSums::Add(const GapSums& other) {
  count += other.count;
  sum += other.sum;
  square += other.square;
}

void GapSums::Halve() {
  if (count % 2 != 0) {  // Takes one average gap away, so that mean and deviation stay.
    sum -= sum / count;
    square -= square / count;
    --count;
  }
  count /= 2;
  sum /= 2;
  square /= 2;
}

double GapSums::Deviation() const {
  if (count < 2) return 0;
  const double mean = static_cast<double>(sum) / count;
  const double variance = static_cast<double>(square) / count - mean * mean;
  return std::sqrt(std::max(0.0, variance)) / kGapSteps;
}

}  // namespace holdfast::guard
