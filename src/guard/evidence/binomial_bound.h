// Exact bounds for the share behind a count of hits: Clopper and Pearson 1934, one-sided. The upper
// bound at confidence c is the share p at which so few hits have the probability 1 - c; the true
// share is above it in at most 1 - c of all cases, whatever it is. Pure.
#pragma once

#include <cstdint>

namespace holdfast::guard {

// `hits` <= `trials`; `confidence` in (0, 1). 1 without trials.
double UpperBound(std::uint64_t hits, std::uint64_t trials, double confidence);
// 0 without hits.
double LowerBound(std::uint64_t hits, std::uint64_t trials, double confidence);

}  // namespace holdfast::guard
