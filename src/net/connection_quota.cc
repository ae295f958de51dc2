#include "net/connection_quota.h"

#include <optional>

#include "base/check.h"
#include "net/asio.h"

namespace holdfast::net {

// Shared by the slot and by a word to give way that is under way.
struct ConnectionSlot::Place : std::enable_shared_from_this<Place> {
  // Under the quota's mutex.
  Network client;
  ConnectionUse use = ConnectionUse::kReading;
  TimePoint since;
  bool is_open = true;  // False: given to another.
  bool is_long_answer = false;
  std::list<Place*>::iterator at;
  std::optional<Executor> executor;

  std::function<void()> close;  // Of the executor's thread.
};

ConnectionSlot::~ConnectionSlot() {
  if (place_ == nullptr) return;
  place_->close = nullptr;
  const std::lock_guard lock(quota_->mutex_);
  if (place_->is_open) quota_->Leave(*place_);
}

void ConnectionSlot::SetUse(ConnectionUse use, TimePoint now) {
  const std::lock_guard lock(quota_->mutex_);
  if (!place_->is_open) return;
  if (use == ConnectionUse::kIdle) quota_->EndLongAnswer(*place_);
  auto& from = quota_->ListOf(place_->use);
  auto& to = quota_->ListOf(use);
  to.splice(to.end(), from, place_->at);
  place_->use = use;
  place_->since = now;
}

bool ConnectionSlot::BeginLongAnswer() {
  const std::lock_guard lock(quota_->mutex_);
  if (!place_->is_open || quota_->long_answers_ >= quota_->limits_.long_answers_max) return false;
  if (!std::exchange(place_->is_long_answer, true)) ++quota_->long_answers_;
  return true;
}

std::expected<void, Reason> ConnectionSlot::MoveTo(const Address& client) {
  const Network network = client.client_network();
  const std::lock_guard lock(quota_->mutex_);
  if (!place_->is_open) return std::unexpected(Reason::kConnectionsFull);
  if (quota_->CountOf(network) >= quota_->limits_.per_address_max) {
    return std::unexpected(Reason::kYourConcurrency);
  }
  quota_->Leave(*place_);
  quota_->Enter(*place_, network);
  return {};
}

void ConnectionSlot::OnGiveWay(const Executor& executor, std::function<void()> close) {
  bool is_open = true;
  {
    const std::lock_guard lock(quota_->mutex_);
    place_->executor = executor;
    is_open = place_->is_open;
  }
  if (!is_open && close) return close();
  place_->close = std::move(close);
}

std::expected<ConnectionSlot, Reason> ConnectionQuota::Take(const Address& client, TimePoint now) {
  const Network network = client.client_network();
  const std::lock_guard lock(mutex_);
  if (CountOf(network) >= limits_.per_address_max) {
    return std::unexpected(Reason::kYourConcurrency);
  }
  return TakePlace(network, now);
}

std::expected<ConnectionSlot, Reason> ConnectionQuota::TakeForProxy(const Address& proxy,
                                                                    TimePoint now) {
  const std::lock_guard lock(mutex_);
  return TakePlace(proxy.client_network(), now);
}

std::expected<ConnectionSlot, Reason> ConnectionQuota::TakePlace(const Network& client,
                                                                 TimePoint now) {
  if (open_ >= limits_.total_max) {
    Place* const other = FindWhoGivesWay(client, now);
    if (other == nullptr) return std::unexpected(Reason::kConnectionsFull);
    GiveWay(*other);
  }
  auto place = std::make_shared<Place>();
  place->since = now;
  Enter(*place, client);
  return ConnectionSlot(shared_from_this(), std::move(place));
}

std::size_t ConnectionQuota::CountOf(const Network& client) const {
  const auto found = open_by_client_.find(client);
  return found == open_by_client_.end() ? 0 : found->second;
}

ConnectionSlot::Place* ConnectionQuota::FindWhoGivesWay(const Network& newcomer,
                                                        TimePoint now) const {
  if (!idle_.empty()) return idle_.front();
  // So many are looked at for each newcomer, however many there are.
  constexpr int kCandidatesMax = 64;
  Place* most = nullptr;
  std::size_t most_count = 0;
  int candidates = 0;
  for (Place* const place : awaited_) {
    if (++candidates > kCandidatesMax) break;
    const bool is_over_time = now - place->since >= limits_.fair_time;
    if (!is_over_time && most != nullptr && now - most->since >= limits_.fair_time) break;
    const std::size_t count = CountOf(place->client);
    const bool may_be = is_over_time || count >= CountOf(newcomer) + 2;
    if (!may_be || count <= most_count) continue;
    most = place;
    most_count = count;
  }
  return most;
}

void ConnectionQuota::GiveWay(Place& place) {
  Leave(place);
  place.is_open = false;
  ++gave_way_;
  if (!place.executor) return;  // It will see that its place is gone when it says whom to call.
  // A slot that dies first takes `close` back.
  asio::post(*place.executor, [shared = place.shared_from_this()] {
    if (shared->close) std::exchange(shared->close, nullptr)();
  });
}

void ConnectionQuota::Enter(Place& place, const Network& client) {
  place.client = client;
  ++open_;
  ++open_by_client_[client];
  Places& list = ListOf(place.use);
  place.at = list.insert(list.end(), &place);
}

void ConnectionQuota::Leave(Place& place) {
  EndLongAnswer(place);
  const auto found = open_by_client_.find(place.client);
  CHECK(open_ > 0 && found != open_by_client_.end());
  --open_;
  if (--found->second == 0) open_by_client_.erase(found);
  ListOf(place.use).erase(place.at);
}

void ConnectionQuota::EndLongAnswer(Place& place) {
  if (std::exchange(place.is_long_answer, false)) --long_answers_;
}

ConnectionQuota::Places& ConnectionQuota::ListOf(ConnectionUse use) {
  switch (use) {
    case ConnectionUse::kIdle:
      return idle_;
    case ConnectionUse::kAnswering:
      return answering_;
    case ConnectionUse::kReading:
    case ConnectionUse::kWriting:
      return awaited_;
  }
  return awaited_;
}

std::size_t ConnectionQuota::open_count() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

std::size_t ConnectionQuota::gave_way_count() const {
  const std::lock_guard lock(mutex_);
  return gave_way_;
}

}  // namespace holdfast::net
