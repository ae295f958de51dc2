// FadingCounts: how often something happened to each of many names of late, 8 bytes a cell
// (tag_sets.h). A count halves with every `half_life`.
//
// Full: a newcomer takes over the cell that counts least in its set and begins anew. So no name is
// ever charged with what happened to another; the price is that a count may be forgotten, by who
// can fill the whole table in the meantime. Single-threaded.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "guard/clock.h"
#include "guard/tables/tag_sets.h"

namespace holdfast::guard {

class FadingCounts {
 public:
  // `cells` is rounded up to a power of two, at least 8. `half_life`: a minute at least.
  FadingCounts(std::size_t cells, Duration half_life, std::uint64_t seed)
      : half_life_min_(std::max<std::uint32_t>(
            1, static_cast<std::uint32_t>(
                   std::chrono::floor<std::chrono::minutes>(half_life).count()))),
        sets_(cells, seed) {}

  std::uint32_t Find(std::uint64_t name, Time now) const {
    const auto* cell = sets_.Find(name);
    return cell != nullptr ? Faded(cell->value, now) : 0;
  }

  void Add(std::uint64_t name, Time now) {
    Fading& value = Touch(name, now);
    if (value.count < kCountMax) ++value.count;
  }

  void Forget(std::uint64_t name) {
    if (auto* cell = sets_.Find(name)) cell->value.count = 0;
  }

  // Read into an empty table of the same size and seed.
  void Save(StateWriter& writer, const StatePart& part) const { sets_.Save(writer, part); }
  void Load(StateReader& reader, const StatePart& part) { sets_.Load(reader, part); }

  std::size_t state_bytes() const { return sets_.state_bytes(); }

 private:
  static constexpr std::uint16_t kCountMax = UINT16_MAX;
  struct Fading {
    std::uint16_t count = 0;       // At `half_lives`; 0: free.
    std::uint16_t half_lives = 0;  // Since the beginning; of a finer time nothing is known.

    bool is_taken() const { return count != 0; }
    void Save(StateWriter& writer) const {
      writer.Put(count);
      writer.Put(half_lives);
    }
    void Load(StateReader& reader) {
      count = reader.Take<std::uint16_t>();
      half_lives = reader.Take<std::uint16_t>();
    }
  };

  std::uint16_t HalfLives(Time now) const {
    const auto minutes = std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count();
    return static_cast<std::uint16_t>(minutes / half_life_min_);
  }

  std::uint16_t Faded(const Fading& value, Time now) const {
    // Times may wrap; a count does not outlive sixteen half-lives.
    const auto passed = static_cast<std::uint16_t>(HalfLives(now) - value.half_lives);
    return passed >= 16 ? 0 : static_cast<std::uint16_t>(value.count >> passed);
  }

  // That of this name, faded to `now`.
  Fading& Touch(std::uint64_t name, Time now) {
    auto& set = sets_.SetOf(name);
    for (auto& cell : set) cell.value = {Faded(cell.value, now), HalfLives(now)};
    if (auto* cell = sets_.Find(name)) return cell->value;
    auto& least =
        *std::ranges::min_element(set, {}, [](const auto& cell) { return cell.value.count; });
    least = {sets_.TagOf(name), {0, HalfLives(now)}};
    return least.value;
  }

  std::uint32_t half_life_min_;
  TagSets<Fading> sets_;
};

}  // namespace holdfast::guard
