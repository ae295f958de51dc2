// ClientTable: what admission remembers of each client, in bounded memory. Single-threaded.
//
// Sets of eight ways, one cache line of keys each. When a set is full, the entry unseen for longest
// is forgotten, where an entry of a client with history counts as kKeepHistory younger and one of a
// new client as kKeepNew, so that a flood of sources forgets itself first. What is lost with it: a
// debt that virtual time has mostly overtaken, the client's mean answer, its appointment. An entry
// with requests waiting or under way is never forgotten; where all eight are such, the newcomer
// shares one of them: limits then hold both together, and never stop limiting. Keys are keyed
// hashes, so nobody can choose whose set to share.
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
  AnswerHistory history{};
  std::uint32_t waiting = 0;
  std::uint32_t in_flight = 0;
};

class ClientTable {
 public:
  using Index = std::uint32_t;

  // A power of two, at least 8.
  explicit ClientTable(std::size_t clients_max);

  // The entry of the client in this class, made with `fresh_tag` if there was none.
  Index Find(std::uint64_t client, ServiceClass service_class, double fresh_tag, Time now);

  Client& operator[](Index index) { return clients_[index]; }
  const Client& operator[](Index index) const { return clients_[index]; }

 private:
  static constexpr std::size_t kWays = 8;

  Index Replace(std::size_t set, std::uint64_t key, double fresh_tag, std::uint32_t seen);

  std::vector<std::uint64_t> keys_;  // 0: empty.
  std::vector<std::uint32_t> seen_;  // Seconds, plus what the class earns.
  std::vector<Client> clients_;
  std::size_t set_mask_;
};

}  // namespace holdfast::guard
