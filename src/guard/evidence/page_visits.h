// PageVisits: when each address last loaded a page, in fixed memory: sets of four, the oldest of
// which makes room. In a flood of pages from more addresses than fit, people look as if they had
// come without one; that alone is no guilt (detectors/low_rate_swarm.h). Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "guard/clock.h"

namespace holdfast::guard {

class PageVisits {
 public:
  explicit PageVisits(std::size_t addresses_max);

  void Add(std::uint64_t address, Time now);
  // The last page of this address.
  std::optional<Time> Last(std::uint64_t address) const;
  std::size_t state_bytes() const { return visits_.capacity() * sizeof(Visit); }

 private:
  struct Visit {
    std::uint64_t address = 0;
    Time last{};
  };
  static constexpr std::size_t kWays = 4;
  std::size_t SetOf(std::uint64_t address) const;

  std::vector<Visit> visits_;
  std::uint64_t set_mask_;
};

}  // namespace holdfast::guard
