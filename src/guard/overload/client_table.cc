#include "guard/overload/client_table.h"

#include <bit>

#include "base/check.h"
#include "base/mix.h"

namespace holdfast::guard {
namespace {

constexpr std::uint32_t kKeepHistory = 3600;  // Seconds.
constexpr std::uint32_t kKeepNew = 60;

std::uint32_t SeenStamp(Time now, ServiceClass service_class) {
  const auto seconds = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  switch (StandingOf(service_class)) {
    case Standing::kHistory:
      return seconds + kKeepHistory;
    case Standing::kNew:
      return seconds + kKeepNew;
    case Standing::kAnonymous:
      break;
  }
  return seconds;
}

}  // namespace

ClientTable::ClientTable(std::size_t clients_max)
    : keys_(clients_max),
      seen_(clients_max),
      clients_(clients_max),
      set_mask_(clients_max / kWays - 1) {
  CHECK(clients_max >= kWays && std::has_single_bit(clients_max));
}

ClientTable::Index ClientTable::Find(std::uint64_t client, ServiceClass service_class,
                                     double fresh_tag, Time now) {
  const std::uint64_t key = Mix64(client, static_cast<std::uint64_t>(service_class)) | 1;
  const std::size_t set = (key >> 32 & set_mask_) * kWays;
  const std::uint32_t seen = SeenStamp(now, service_class);
  for (std::size_t i = set; i < set + kWays; ++i) {
    if (keys_[i] != key) continue;
    seen_[i] = seen;
    return static_cast<Index>(i);
  }
  return Replace(set, key, fresh_tag, seen);
}

ClientTable::Index ClientTable::Replace(std::size_t set, std::uint64_t key, double fresh_tag,
                                        std::uint32_t seen) {
  constexpr std::size_t kNone = ~std::size_t{0};
  std::size_t oldest = kNone;
  for (std::size_t i = set; i < set + kWays; ++i) {
    if (keys_[i] == 0) {
      oldest = i;
      break;
    }
    if (oldest != kNone && seen_[i] >= seen_[oldest]) continue;
    if (clients_[i].waiting + clients_[i].in_flight == 0) oldest = i;
  }
  if (oldest == kNone) return static_cast<Index>(set + (key >> 1) % kWays);
  keys_[oldest] = key;
  seen_[oldest] = seen;
  clients_[oldest] = {.finish_tag = fresh_tag};
  return static_cast<Index>(oldest);
}

}  // namespace holdfast::guard
