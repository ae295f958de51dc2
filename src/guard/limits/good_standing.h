// GoodStanding: the addresses from which accounts in good standing have come lately: whatever else
// comes from there, the kernel drops none of them. Owned by EdgeLimiter; single-threaded.
//
// At most `addresses_max`; full: the one seen longest ago is forgotten. Nothing is known of before
// the start. O(log n) once a minute and address, else O(1).
#pragma once

#include <cstddef>
#include <cstdint>

#include "guard/clock.h"
#include "guard/tables/bounded_map.h"

namespace holdfast::guard {

class GoodStanding {
 public:
  GoodStanding(std::size_t addresses_max, Duration hold) : seen_(addresses_max), hold_(hold) {}

  void Note(std::uint64_t address, Time now) {
    constexpr Duration kFineness = std::chrono::minutes(1);
    const Addresses::Index known = seen_.Find(address);
    if (known != Addresses::kNone) {
      if (now - seen_.rank(known) >= kFineness) seen_.SetRank(known, now);
    } else if (seen_.is_full()) {
      seen_.ReplaceLeast(address, now, {});
    } else {
      seen_.Insert(address, now, {});
    }
  }
  bool Has(std::uint64_t address, Time now) const {
    const Addresses::Index known = seen_.Find(address);
    return known != Addresses::kNone && now - seen_.rank(known) < hold_;
  }
  std::size_t state_bytes() const { return seen_.state_bytes(); }

 private:
  struct Nothing {};
  using Addresses = BoundedMap<Time, Nothing>;  // Rank: when it was seen last.

  Addresses seen_;
  Duration hold_;
};

}  // namespace holdfast::guard
