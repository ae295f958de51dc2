#include "guard/overload/client_table.h"

#include <algorithm>
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

std::uint64_t KeyOf(std::uint64_t client, ServiceClass service_class) {
  return Mix64(client, static_cast<std::uint64_t>(service_class)) | 1;
}

}  // namespace

ClientTable::ClientTable(std::size_t clients_max)
    : keys_(clients_max),
      seen_(clients_max),
      clients_(clients_max + kWays * kServiceClassCount),
      set_mask_(clients_max / kWays - 1) {
  CHECK(clients_max >= kWays && std::has_single_bit(clients_max));
}

ClientTable::Index ClientTable::Find(std::uint64_t client, ServiceClass service_class,
                                     double fresh_tag, Time now) {
  const std::uint64_t key = KeyOf(client, service_class);
  const std::size_t set = SetOf(key);
  const std::uint32_t seen = SeenStamp(now, service_class);
  for (std::size_t i = set; i < set + kWays; ++i) {
    if (keys_[i] != key) continue;
    seen_[i] = seen;
    return static_cast<Index>(i);
  }
  const std::size_t idle = Idle(set);
  if (idle == kNone) return Shared(key, service_class);
  keys_[idle] = key;
  seen_[idle] = seen;
  clients_[idle] = {.finish_tag = fresh_tag};
  return static_cast<Index>(idle);
}

void ClientTable::Keep(Index index, ServiceClass service_class, Time until) {
  if (index >= seen_.size()) return;
  seen_[index] = std::max(seen_[index], SeenStamp(until, service_class));
}

const Client* ClientTable::Peek(std::uint64_t client, ServiceClass service_class) const {
  const std::uint64_t key = KeyOf(client, service_class);
  const std::size_t set = SetOf(key);
  for (std::size_t i = set; i < set + kWays; ++i) {
    if (keys_[i] == key) return &clients_[i];
  }
  return nullptr;
}

std::size_t ClientTable::Idle(std::size_t set) const {
  std::size_t oldest = kNone;
  for (std::size_t i = set; i < set + kWays; ++i) {
    if (keys_[i] == 0) return i;
    if (oldest != kNone && seen_[i] >= seen_[oldest]) continue;
    if (!clients_[i].is_busy()) oldest = i;
  }
  return oldest;
}

ClientTable::Index ClientTable::Shared(std::uint64_t key, ServiceClass service_class) const {
  const auto of_class = keys_.size() + static_cast<std::size_t>(service_class) * kWays;
  return static_cast<Index>(of_class + (key >> 1) % kWays);
}

}  // namespace holdfast::guard
