// Regulars: the clients that had an answer while nothing pressed. While capacity is short they go
// before everybody else of their standing and of less: the service was made for what they bring,
// and no flood can have been among them without having been served in quiet time. It accuses
// nobody: who is not here waits behind, and loses nothing that the others would use.
//
// Full: who had no answer for longest is forgotten. Keyed hashes and minutes only. Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guard/clock.h"
#include "guard/tables/tag_table.h"

namespace holdfast::guard {

class Regulars {
 public:
  Regulars(std::size_t clients_max, std::uint64_t seed) : minutes_(clients_max, seed) {}

  void Note(std::uint64_t client, Time now) { minutes_.Touch(client) = Minute(now); }
  bool Has(std::uint64_t client) const { return minutes_.Find(client) != 0; }

  // Read into an empty one of the same size and seed.
  void Save(StateWriter& writer, const StatePart& part) const { minutes_.Save(writer, part); }
  void Load(StateReader& reader, const StatePart& part) { minutes_.Load(reader, part); }
  std::size_t state_bytes() const { return minutes_.state_bytes(); }

 private:
  static std::uint32_t Minute(Time now) {
    const auto minutes = std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count();
    return static_cast<std::uint32_t>(minutes) + 1;  // 0: not there.
  }

  TagTable minutes_;  // Of the last answer.
};

}  // namespace holdfast::guard
