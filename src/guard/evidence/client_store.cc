#include "guard/evidence/client_store.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace holdfast::guard {

ClientStore::ClientStore(std::size_t clients_max, Duration idle_min, std::uint64_t seed)
    : clients_max_(clients_max), idle_min_(idle_min), seed_(seed) {
  CHECK(clients_max >= 16 && clients_max < kNobody);
  index_.assign(std::bit_ceil(2 * clients_max), kNobody);
  index_mask_ = index_.size() - 1;
}

std::size_t ClientStore::PlaceOf(std::uint64_t client) const {
  std::size_t place = HomeOf(client);
  while (index_[place] != kNobody && clients_[index_[place]].client != client) {
    place = (place + 1) & index_mask_;
  }
  return place;
}

const ClientFeatures* ClientStore::Find(std::uint64_t client) const {
  const std::uint32_t record = index_[PlaceOf(client)];
  return record == kNobody ? nullptr : &clients_[record];
}

ClientFeatures* ClientStore::Find(std::uint64_t client) {
  const std::uint32_t record = index_[PlaceOf(client)];
  return record == kNobody ? nullptr : &clients_[record];
}

ClientFeatures* ClientStore::Take(std::uint64_t client, Time now) {
  if (ClientFeatures* known = Find(client)) return known;
  if (!IsSampled(client)) return nullptr;
  if (clients_.size() == clients_max_ && !ForgetAnIdleOne(now)) {
    HalveSample();
    if (!IsSampled(client) || clients_.size() == clients_max_) return nullptr;
  }
  index_[PlaceOf(client)] = static_cast<std::uint32_t>(clients_.size());
  clients_.push_back({.client = client, .first_seen = now, .last_seen = now});
  return &clients_.back();
}

bool ClientStore::ForgetAnIdleOne(Time now) {
  constexpr int kTries = 8;
  for (int i = 0; i < kTries; ++i) {
    hand_ = hand_ + 1 < clients_.size() ? hand_ + 1 : 0;
    if (now - clients_[hand_].last_seen < idle_min_) continue;
    Forget(hand_);
    return true;
  }
  return false;
}

void ClientStore::HalveSample() {
  threshold_ /= 2;
  share_ /= 2;
  for (std::size_t record = clients_.size(); record-- > 0;) {
    if (!IsSampled(clients_[record].client)) Forget(record);
  }
}

bool ClientStore::Relax(Time now) {
  if (share_ == 1) return false;
  for (std::size_t record = clients_.size(); record-- > 0;) {
    if (now - clients_[record].last_seen >= idle_min_) Forget(record);
  }
  if (clients_.size() > clients_max_ / 4) return false;
  threshold_ = threshold_ * 2 + 1;
  share_ *= 2;
  return true;
}

void ClientStore::Forget(std::size_t record) {
  Vacate(PlaceOf(clients_[record].client));
  if (record + 1 != clients_.size()) {
    index_[PlaceOf(clients_.back().client)] = static_cast<std::uint32_t>(record);
    clients_[record] = clients_.back();
  }
  clients_.pop_back();
}

// Moves later entries of the run back, so that every one is found from its home without tombstones.
void ClientStore::Vacate(std::size_t place) {
  std::size_t next = place;
  while (true) {
    next = (next + 1) & index_mask_;
    if (index_[next] == kNobody) break;
    const std::size_t home = HomeOf(clients_[index_[next]].client);
    if (((next - home) & index_mask_) >= ((next - place) & index_mask_)) {
      index_[place] = index_[next];
      place = next;
    }
  }
  index_[place] = kNobody;
}

std::size_t ClientStore::state_bytes() const {
  return clients_.capacity() * sizeof(ClientFeatures) + index_.capacity() * sizeof(index_[0]);
}

}  // namespace holdfast::guard
