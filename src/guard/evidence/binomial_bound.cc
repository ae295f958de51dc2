#include "guard/evidence/binomial_bound.h"

#include <cmath>

#include "base/check.h"

namespace holdfast::guard {
namespace {

// P(X <= hits) of Binomial(trials, share), for a share above hits / trials: from there down the
// terms fall, so the sum ends when they are lost in rounding.
double AtMost(double hits, double trials, double share) {
  const double log_first = std::lgamma(trials + 1) - std::lgamma(hits + 1) -
                           std::lgamma(trials - hits + 1) + hits * std::log(share) +
                           (trials - hits) * std::log1p(-share);
  constexpr double kLost = 1e-17;
  double term = 1;
  double sum = 1;
  for (double k = hits; k >= 1 && term > kLost * sum; --k) {
    term *= k * (1 - share) / ((trials - k + 1) * share);
    sum += term;
  }
  return std::exp(log_first) * sum;
}

}  // namespace

double UpperBound(std::uint64_t hits, std::uint64_t trials, double confidence) {
  CHECK(hits <= trials && confidence > 0 && confidence < 1);
  if (hits == trials) return 1;
  const auto k = static_cast<double>(hits);
  const auto n = static_cast<double>(trials);
  // P(X <= hits) falls as the share rises.
  double low = k / n;
  double high = 1;
  constexpr int kHalvings = 60;  // To the last bits of a double.
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (AtMost(k, n, middle) > 1 - confidence ? low : high) = middle;
  }
  return high;
}

double LowerBound(std::uint64_t hits, std::uint64_t trials, double confidence) {
  return trials == 0 ? 0 : 1 - UpperBound(trials - hits, trials, confidence);
}

}  // namespace holdfast::guard
