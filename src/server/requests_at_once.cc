#include "server/requests_at_once.h"

#include <utility>

namespace holdfast::server {
namespace {

using Counts = std::unordered_map<std::string, std::int64_t>;

bool IsFull(const Counts& counts, const std::string& id, const std::optional<std::int64_t>& limit) {
  if (!limit) return false;
  const auto found = counts.find(id);
  return (found == counts.end() ? 0 : found->second) >= *limit;
}

void Lower(Counts& counts, const std::string& id) {
  const auto found = counts.find(id);
  if (--found->second == 0) counts.erase(found);
}

}  // namespace

std::optional<RequestsAtOnce::Place> RequestsAtOnce::Take(const accounts::Identity& who,
                                                          const accounts::AtOnceLimits& limits) {
  const bool has_key = !who.key_id.empty();
  const std::lock_guard lock(mutex_);
  if (IsFull(by_account_, who.account_id, limits.account)) return std::nullopt;
  if (has_key && IsFull(by_key_, who.key_id, limits.key)) return std::nullopt;
  ++by_account_[who.account_id];
  if (has_key) ++by_key_[who.key_id];
  return Place(*this, who.account_id, who.key_id);
}

RequestsAtOnce::Place::Place(Place&& other) noexcept
    : counts_(std::exchange(other.counts_, nullptr)),
      account_id_(std::move(other.account_id_)),
      key_id_(std::move(other.key_id_)) {}

RequestsAtOnce::Place& RequestsAtOnce::Place::operator=(Place&& other) noexcept {
  std::swap(counts_, other.counts_);
  std::swap(account_id_, other.account_id_);
  std::swap(key_id_, other.key_id_);
  return *this;
}

void RequestsAtOnce::Place::Release() {
  if (counts_ == nullptr) return;
  RequestsAtOnce& counts = *std::exchange(counts_, nullptr);
  const std::lock_guard lock(counts.mutex_);
  Lower(counts.by_account_, account_id_);
  if (!key_id_.empty()) Lower(counts.by_key_, key_id_);
}

}  // namespace holdfast::server
