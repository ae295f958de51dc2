// ConnectionQuota: how many connections may be open, in all and from one client, and who gives way
// when all places are taken. A ConnectionSlot is the right to one; dropping it gives it back.
//
// An IPv6 client is counted by its /64 network, which is what one subscriber gets. When a newcomer
// finds no place, one of these is closed for it, the first that there is:
//   1. the connection that has waited longest for its next request;
//   2. of those that have kept others waiting for longer than `fair_time` (a head or a body that
//      trickles in, an answer that is not read), one of the client with the most connections;
//   3. one such before that time, of a client that has two more than the newcomer's.
// A connection whose answer is being made never gives way, so answers that take long may hold only
// `long_answers_max` places: what is short always finds one.
//
// The quota is thread-safe. A slot belongs to its connection's I/O thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/reason.h"
#include "net/address.h"
#include "net/awaitable.h"

namespace holdfast::net {

struct ConnectionLimits {
  std::size_t total_max = 1024;
  std::size_t per_address_max = 64;
  std::size_t long_answers_max = 896;
  std::chrono::milliseconds fair_time{3'000};
};

// What a connection does.
enum class ConnectionUse : std::uint8_t {
  kIdle,       // Waits for its peer to begin a request.
  kReading,    // Waits for the rest of what its peer has begun.
  kAnswering,  // Its answer is being made.
  kWriting,    // Waits for its peer to take what is written.
};

class ConnectionQuota;

class ConnectionSlot {
 public:
  ConnectionSlot(ConnectionSlot&& other) noexcept = default;
  ConnectionSlot& operator=(ConnectionSlot&&) = delete;
  ~ConnectionSlot();

  // Begins as kReading. Idle ends a long answer.
  void SetUse(ConnectionUse use, TimePoint now);
  // The answer under way will take long. False: there are too many of these.
  [[nodiscard]] bool BeginLongAnswer();
  // Once it is known for whom a proxy connects. The reason when this client has too many.
  [[nodiscard]] std::expected<void, Reason> MoveTo(const Address& client);
  // `close` is called on `executor`, once at most and never after the slot, when the place has been
  // given to another. An empty one takes an earlier one back.
  void OnGiveWay(const Executor& executor, std::function<void()> close);

 private:
  friend class ConnectionQuota;
  struct Place;
  ConnectionSlot(std::shared_ptr<ConnectionQuota> quota, std::shared_ptr<Place> place)
      : quota_(std::move(quota)), place_(std::move(place)) {}

  std::shared_ptr<ConnectionQuota> quota_;
  std::shared_ptr<Place> place_;  // Null when moved from.
};

class ConnectionQuota : public std::enable_shared_from_this<ConnectionQuota> {
 public:
  static std::shared_ptr<ConnectionQuota> Make(const ConnectionLimits& limits) {
    return std::shared_ptr<ConnectionQuota>(new ConnectionQuota(limits));
  }

  // kYourConcurrency: this client has too many. kConnectionsFull: nobody gives way.
  std::expected<ConnectionSlot, Reason> Take(const Address& client, TimePoint now);
  // For a trusted proxy, which connects for many: no limit but the total.
  std::expected<ConnectionSlot, Reason> TakeForProxy(const Address& proxy, TimePoint now);

  std::size_t open_count() const;
  // Connections closed so far to make room for another.
  std::size_t gave_way_count() const;

 private:
  friend class ConnectionSlot;
  using Place = ConnectionSlot::Place;
  using Places = std::list<Place*>;

  explicit ConnectionQuota(const ConnectionLimits& limits) : limits_(limits) {}
  // All of these are called with the mutex held.
  std::expected<ConnectionSlot, Reason> TakePlace(const Network& client, TimePoint now);
  std::size_t CountOf(const Network& client) const;
  Place* FindWhoGivesWay(const Network& newcomer, TimePoint now) const;
  void GiveWay(Place& place);
  void Enter(Place& place, const Network& client);
  void Leave(Place& place);
  void EndLongAnswer(Place& place);
  Places& ListOf(ConnectionUse use);

  const ConnectionLimits limits_;
  mutable std::mutex mutex_;
  std::size_t open_ = 0;
  std::size_t long_answers_ = 0;
  std::size_t gave_way_ = 0;
  std::unordered_map<Network, std::size_t> open_by_client_;  // At most `total_max` entries.
  // Every open place is in one of these, the one that has been so longest first.
  Places idle_;
  Places awaited_;  // Reading or writing.
  Places answering_;
};

}  // namespace holdfast::net
