// AddressBook: the way back from the keyed hash of an address to the address, for the kernel's list
// alone: those that were refused lately and reach us directly. In memory only, and only for as long
// as others do not take their places. Thread-safe; a short lock for each refusal.
//
// kPlaces in sets of four; a full set forgets the one noted longest ago. Hashes are keyed, so
// nobody outside chooses where they land.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "net/address.h"

namespace holdfast::server {

class AddressBook {
 public:
  static constexpr std::size_t kPlaces = 1 << 14;

  // Of whom we do not note: trusted proxies, for whom others are refused.
  explicit AddressBook(std::vector<net::Network> never)
      : never_(std::move(never)), sets_(kPlaces / kWays) {}

  void Note(std::uint64_t hash, const net::Address& peer) {
    if (peer.is_loopback() || net::IsIn(peer, never_)) return;
    const std::lock_guard lock(mutex_);
    Set& set = sets_[hash % sets_.size()];
    Place* oldest = &set[0];
    for (Place& place : set) {
      if (place.hash == hash) oldest = &place;
      if (oldest->hash != hash && place.noted < oldest->noted) oldest = &place;
    }
    *oldest = {hash, ++noted_, peer};
  }
  std::optional<net::Address> Find(std::uint64_t hash) const {
    const std::lock_guard lock(mutex_);
    for (const Place& place : sets_[hash % sets_.size()]) {
      if (place.noted != 0 && place.hash == hash) return place.address;
    }
    return std::nullopt;
  }

 private:
  static constexpr std::size_t kWays = 4;
  struct Place {
    std::uint64_t hash = 0;
    std::uint64_t noted = 0;  // Which note it was; 0: none.
    net::Address address;
  };
  using Set = std::array<Place, kWays>;

  const std::vector<net::Network> never_;
  mutable std::mutex mutex_;
  std::vector<Set> sets_;
  std::uint64_t noted_ = 0;
};

}  // namespace holdfast::server
