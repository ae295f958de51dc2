// CapacityTrace: what the service could do, over time, beside what it was built to do: steps, each
// valid until the next. Value types.
#pragma once

#include <vector>

#include "verdict/words.h"

namespace holdfast::verdict {

struct CapacityStep {
  Time time{};
  double engine_share = 1;  // Speed of the workers that are up, of their nominal one; 0: stalled.
  int workers_up = 1;       // What ran on workers that go down is lost.
  int workers_total = 1;
  double batch_share = 1;   // Configured batch size over the nominal one.
  double limits_share = 1;  // Configured rate limits of the edge over the nominal ones.

  bool IsNominal() const {
    return engine_share >= 1 && workers_up >= workers_total && batch_share >= 1 &&
           limits_share >= 1;
  }
};

struct CapacityTrace {
  std::vector<CapacityStep> steps;  // By time. Before the first, nominal.

  // The step in force; a nominal one before the first.
  CapacityStep At(Time time) const;
  // Whether anything in [from, to) was below nominal.
  bool IsReduced(Time from, Time to) const;
};

}  // namespace holdfast::verdict
