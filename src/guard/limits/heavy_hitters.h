// HeavyHitters: who accounts for most of a weighted stream of names, in fixed memory (Space-Saving:
// Metwally, Agrawal, El Abbadi 2005). Single-threaded.
//
// Bound, with k counters and total weight N: for every name, count - error <= true <= count, where
// error <= N / k; a name with true weight above N / k is always among the counters; a name that is
// not has at most N / k. With a half-life, N and every counter are halved once in each, and the
// bound with them: what it tells is of late.
//
// Full: the name with the least count is forgotten and the newcomer inherits its count as error. A
// flood of names of weight 1 each thus moves through the least counters and cannot push out one
// above N / k. O(log k) an update, 56 to 72 bytes a counter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "guard/clock.h"
#include "guard/tables/bounded_map.h"

namespace holdfast::guard {

class HeavyHitters {
 public:
  struct Count {
    std::uint64_t name = 0;
    double count = 0;  // At least the true weight.
    double error = 0;  // The true weight is at least count - error.

    double surely() const { return count - error; }
  };

  // `half_life` 0: nothing fades.
  explicit HeavyHitters(std::size_t counters_max, Duration half_life = Duration(0))
      : half_life_(half_life), counters_(counters_max) {}

  // To be called before the others where things fade. How often it halved since the last call.
  int Advance(Time now);

  // `weight` > 0. What is known of the name after it.
  Count Add(std::uint64_t name, double weight = 1);
  // {name, 0, 0} if it is not among the counters; then its true weight is at most least().
  Count Find(std::uint64_t name) const;
  // The name starts again: surely() is 0, the bound stays.
  void Forgive(std::uint64_t name);

  double total() const { return total_; }
  double least() const;
  // The counters, greatest count first, equal counts by name.
  std::vector<Count> Top() const;
  std::size_t state_bytes() const { return counters_.state_bytes(); }

 private:
  using Counters = BoundedMap<double, double>;  // Rank: count. Value: error.

  void Halve();
  Count At(Counters::Index index) const;

  Duration half_life_;
  Time halved_at_ = Time::min();
  Counters counters_;
  double total_ = 0;
};

}  // namespace holdfast::guard
