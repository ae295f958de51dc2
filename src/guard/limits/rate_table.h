// RateTable: a TAT (gcra.h) for any number of sources in fixed memory. Owned by whoever limits;
// single-threaded.
//
// Structure: sets of eight cells {key, TAT}; a key may live in either of two sets, and takes the
// one with more free cells. A cell whose TAT has passed is free: its source has paid, so nothing is
// lost. Room is needed only for sources in debt at this moment. When these are three quarters of
// the cells, one in 100,000 finds no cell of its own; at nine tenths 0.7 %, at as many as cells 4
// %.
//
// Full: a source that finds both of its sets busy uses a shared cell (one a set), which
// limits all who hash to it as if they were one. When it later finds a cell of its own, it takes
// the shared debt along.
//
// Bound: the TAT found for a source is never less than its own exact one. So no source ever passes
// more than its limit, however many there are and whatever they do: the excess is 0. The error is
// the other way: while more sources are in debt than there are cells, and for one tolerance after,
// a newcomer may be refused for the debts of others, with the wait that this means; sources that
// have a cell are not touched. Keys are seeded, so nobody outside chooses with whom to share.
//
// Cost: two to four cache lines read; no allocation after the start; 17 bytes a cell.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/mix.h"
#include "guard/clock.h"

namespace holdfast::guard {

class RateTable {
 public:
  // `cells` is rounded up to a power of two, at least 16.
  RateTable(std::size_t cells, std::uint64_t seed);

  // The TAT to judge and to charge this source by; good until the next call. `key` is not 0.
  Time& Find(std::uint64_t key, Time now);

  // Starts reading what Find(key) will look at, so that look-ups in several tables overlap.
  void Prefetch(std::uint64_t key) const;

  std::size_t state_bytes() const;
  // Calls of Find answered by a shared cell, since the start.
  std::uint64_t shared_count() const { return shared_count_; }

 private:
  static constexpr std::size_t kWays = 8;

  struct Cell {
    std::uint64_t key = 0;  // 0: never used.
    Time tat{};

    bool IsFree(Time now) const { return key == 0 || tat <= now; }
  };
  struct alignas(64) Set {
    std::array<Cell, kWays> cells;

    Cell* Find(std::uint64_t key);
    std::size_t CountFree(Time now) const;
    Cell& TakeFree(Time now);  // There is one.
  };

  std::uint64_t Hash(std::uint64_t key) const { return Mix64(key ^ seed_); }
  std::size_t FirstSet(std::uint64_t hash) const { return hash & (sets_.size() - 1); }
  std::size_t SecondSet(std::uint64_t hash) const { return (hash >> 32) & (sets_.size() - 1); }

  std::uint64_t seed_;
  std::vector<Set> sets_;
  std::vector<Time> shared_;
  std::uint64_t shared_count_ = 0;
};

}  // namespace holdfast::guard
