// ClientTable: what admission remembers of each client, in bounded memory. Single-threaded.
//
// Sets of eight ways, one cache line of keys each. When a set is full, the entry unseen for longest
// is forgotten, where an entry of a client with history counts as kKeepHistory younger and one of a
// new client as kKeepNew, so that a flood of sources forgets itself first. What is lost with it: a
// debt that virtual time has mostly overtaken, the client's mean answer. A client with an
// appointment counts as seen at it, so that strangers do not push it out before. An entry with
// requests waiting or under way is never forgotten; where all eight are such, the newcomer
// shares one of a few entries with others of its class in that position: limits then hold them
// together, and never stop limiting. Never with another class: each counts its own clients. Keys
// are keyed hashes, so nobody can choose with whom to share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "guard/clock.h"
#include "guard/overload/cost_predictor.h"
#include "guard/overload/service_class.h"

namespace holdfast::guard {

struct Client {
  double finish_tag = 0;  // Virtual time at which what it asked for so far is paid for.
  double owed = 0;        // Weighted tokens that its answers took beyond what was charged.
  Time invited_at{};      // When a Retry-After told it to come back; Time{}: never told.
  float booked = 0;       // Cost that the book holds a place for then; 0: none.
  Time long_from{};       // From when it may ask for a long answer again; Time{}: never told.
  AnswerHistory history{};
  std::uint32_t waiting = 0;            // Requests; FairQueue counts them.
  std::uint32_t choices_waiting = 0;    // The answers that they ask for,
  std::uint32_t choices_in_flight = 0;  // and those under way.

  bool is_busy() const { return waiting + choices_in_flight > 0; }
};

class ClientTable {
 public:
  using Index = std::uint32_t;

  // A power of two, at least 8.
  explicit ClientTable(std::size_t clients_max);

  // The entry of the client in this class, made with `fresh_tag` if there was none.
  Index Find(std::uint64_t client, ServiceClass service_class, double fresh_tag, Time now);
  // Counts it as seen at `until`, to come.
  void Keep(Index index, ServiceClass service_class, Time until);
  // Null: there is none of its own.
  const Client* Peek(std::uint64_t client, ServiceClass service_class) const;

  Client& operator[](Index index) { return clients_[index]; }
  const Client& operator[](Index index) const { return clients_[index]; }

 private:
  static constexpr std::size_t kWays = 8;

  static constexpr std::size_t kNone = ~std::size_t{0};

  std::size_t SetOf(std::uint64_t key) const { return (key >> 32 & set_mask_) * kWays; }
  // The entry in a set that may be forgotten; kNone: all are busy.
  std::size_t Idle(std::size_t set) const;
  Index Shared(std::uint64_t key, ServiceClass service_class) const;

  std::vector<std::uint64_t> keys_;  // 0: empty.
  std::vector<std::uint32_t> seen_;  // Seconds, plus what the class earns.
  std::vector<Client> clients_;      // After those with keys, kWays shared ones of each class.
  std::size_t set_mask_;
};

}  // namespace holdfast::guard
