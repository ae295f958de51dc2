// Regulars: the clients that had an answer while nothing pressed. While capacity is short they go
// before everybody else of their standing and of less: the service was made for what they bring,
// and no flood can have been among them without having been served in quiet time. It accuses
// nobody: who is not here waits behind, and loses nothing that the others would use.
//
// A flood is seen some seconds after it has come, and comes again every few seconds: whoever was
// new in the last kOnProbation before it becomes none.
//
// Full: who had no answer for longest is forgotten. Keyed hashes and minutes only. Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "guard/clock.h"
#include "guard/tables/tag_table.h"

namespace holdfast::guard {

class Regulars {
 public:
  Regulars(std::size_t clients_max, std::uint64_t seed) : minutes_(clients_max, seed) {}

  // It had an answer; `is_crowded`: while far more was asked for than can be served.
  void Note(std::uint64_t client, bool is_crowded, Time now) {
    Look(is_crowded, now);
    if (Has(client)) minutes_.Touch(client) = Minute(now);
    if (is_crowded || Has(client)) return;
    if (new_.size() == kNewMax) new_.pop_front();
    new_.push_back({client, now});
  }
  // As time goes on.
  void Look(bool is_crowded, Time now) {
    if (is_crowded) new_.clear();
    for (; !new_.empty() && now - new_.front().time >= kOnProbation; new_.pop_front()) {
      minutes_.Touch(new_.front().client) = Minute(new_.front().time);
    }
  }
  bool Has(std::uint64_t client) const { return minutes_.Find(client) != 0; }

  // Read into an empty one of the same size and seed.
  void Save(StateWriter& writer, const StatePart& part) const { minutes_.Save(writer, part); }
  void Load(StateReader& reader, const StatePart& part) { minutes_.Load(reader, part); }
  std::size_t state_bytes() const { return minutes_.state_bytes(); }

 private:
  static constexpr Duration kOnProbation = std::chrono::seconds(15);
  static constexpr std::size_t kNewMax = 16384;  // The oldest of more becomes none.

  struct New {
    std::uint64_t client = 0;
    Time time{};
  };

  static std::uint32_t Minute(Time now) {
    const auto minutes = std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count();
    return static_cast<std::uint32_t>(minutes) + 1;  // 0: not there.
  }

  TagTable minutes_;  // Of the last answer.
  std::deque<New> new_;
};

}  // namespace holdfast::guard
