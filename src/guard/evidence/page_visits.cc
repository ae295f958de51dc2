#include "guard/evidence/page_visits.h"

#include <algorithm>
#include <bit>

#include "base/mix.h"

namespace holdfast::guard {

PageVisits::PageVisits(std::size_t addresses_max) {
  const std::size_t sets = std::bit_ceil(std::max(addresses_max, kWays) / kWays);
  set_mask_ = sets - 1;
  visits_.resize(sets * kWays);
}

std::size_t PageVisits::SetOf(std::uint64_t address) const {
  return (Mix64(address) & set_mask_) * kWays;
}

void PageVisits::Add(std::uint64_t address, Time now) {
  const auto first = visits_.begin() + static_cast<std::ptrdiff_t>(SetOf(address));
  auto place = first;
  for (auto visit = first; visit != first + kWays; ++visit) {
    if (visit->address == address) {
      place = visit;
      break;
    }
    if (visit->last < place->last) place = visit;
  }
  *place = {.address = address, .last = now};
}

std::optional<Time> PageVisits::Last(std::uint64_t address) const {
  if (address == 0) return std::nullopt;
  const std::size_t first = SetOf(address);
  for (std::size_t slot = first; slot < first + kWays; ++slot) {
    if (visits_[slot].address == address) return visits_[slot].last;
  }
  return std::nullopt;
}

}  // namespace holdfast::guard
