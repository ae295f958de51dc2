// Possible: how much of a demand any door could have had answered in time, an upper bound to hold a
// run against. Pure function.
//
// A server takes up one request every 1/capacity seconds whenever one waits that can still wait;
// who has waited for as long as it may is gone. All requests may wait equally long, so that first
// come, first served loses the fewest. It knows no request's length, and all cost the mean: a door
// that prefers the short ones may exceed it a little.
#pragma once

#include <span>

#include "guard/clock.h"

namespace holdfast::drill {

struct PossibleOptions {
  double capacity_per_s = 0;
  guard::Duration waits_max{0};
  guard::Time from{};  // Counted is what is taken up in [from, to).
  guard::Time to{};
};

// Requests taken up; `arrivals` are in order of time.
std::uint64_t CountPossible(std::span<const guard::Time> arrivals, const PossibleOptions& options);

}  // namespace holdfast::drill
