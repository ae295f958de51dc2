// Arrivals: when a group's callers come, and how long what they ask is: Poisson at the group's
// rate, which may rise from nothing, or a trace of real traffic brought to that rate. The same
// seed gives the same arrivals. Single-threaded.
#pragma once

#include <cstdint>
#include <optional>

#include "drill/random_stream.h"
#include "drill/traces.h"
#include "rehearsal/attempt.h"
#include "rehearsal/prompts.h"

namespace holdfast::rehearsal {

struct Arrival {
  Micros at = 0;
  std::optional<Size> size;  // What the trace says.
};

class Arrivals {
 public:
  // `per_arrival`: wishes that one arrival stands for (a person's turns). Errors: those of
  // drill::ReadTrace, and kInvalidArgument: no request of the trace fits.
  [[nodiscard]] static Result<Arrivals> Of(const Group& group, double per_arrival,
                                           std::uint64_t seed);
  // In order of time; nullopt after the last.
  std::optional<Arrival> Next();

 private:
  Arrivals(const Group& group, double rate, std::uint64_t seed);

  Micros start_;
  Micros end_;
  Micros rise_;
  double rate_;
  drill::RandomStream random_;
  double at_s_ = 0;  // Since the start.
  drill::Trace trace_;
  std::size_t next_ = 0;
};

}  // namespace holdfast::rehearsal
