// ClientStore: records of clients in bounded memory, in a stable order. When it is full, clients
// idle for `idle_min` make room; if none is found soon, the sample halves: only clients whose
// seeded hash lies below a threshold are kept, whoever they are. Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/mix.h"
#include "guard/clock.h"
#include "guard/evidence/features.h"

namespace holdfast::guard {

class ClientStore {
 public:
  // `clients_max` >= 16.
  ClientStore(std::size_t clients_max, Duration idle_min, std::uint64_t seed);

  const ClientFeatures* Find(std::uint64_t client) const;
  ClientFeatures* Find(std::uint64_t client);
  // Finds it or makes an empty record, first seen `now`; null when it is not in the sample. May
  // halve the sample. Pointers hold until the next call.
  ClientFeatures* Take(std::uint64_t client, Time now);
  // Forgets idle clients and doubles the sample when most of the store is free; true when it did.
  bool Relax(Time now);

  std::span<const ClientFeatures> clients() const { return clients_; }
  double share() const { return share_; }  // Of all clients that the sample keeps.
  std::size_t state_bytes() const;

 private:
  static constexpr std::uint32_t kNobody = ~std::uint32_t{0};

  bool IsSampled(std::uint64_t client) const { return Mix64(client, seed_) <= threshold_; }
  std::size_t HomeOf(std::uint64_t client) const { return Mix64(client) & index_mask_; }
  // Where the client is in the index, or the free place where it would be.
  std::size_t PlaceOf(std::uint64_t client) const;
  bool ForgetAnIdleOne(Time now);
  void HalveSample();
  void Forget(std::size_t record);
  void Vacate(std::size_t place);

  std::size_t clients_max_;
  Duration idle_min_;
  std::uint64_t seed_;
  std::vector<ClientFeatures> clients_;
  std::vector<std::uint32_t> index_;  // Into clients_, linear probing; at most half full.
  std::size_t index_mask_;
  std::size_t hand_ = 0;  // Where the search for idle clients goes on.
  std::uint64_t threshold_ = ~std::uint64_t{0};
  double share_ = 1;
};

}  // namespace holdfast::guard
