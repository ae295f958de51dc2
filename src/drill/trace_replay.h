// TraceReplayGroup: sends the requests of a trace at their times, each as a wish of one of its
// callers. Single-threaded.
#pragma once

#include <cstdint>

#include "drill/world.h"

namespace holdfast::drill {

class TraceReplayGroup : public CallerGroup {
 public:
  TraceReplayGroup(const TraceReplay& trace, std::uint64_t name) : trace_(trace), name_(name) {}

  std::uint32_t count() const override { return trace_.callers; }
  void Introduce(World& world, std::uint32_t first) override;
  void Begin(World& world) override;
  void OnWake(World& world, std::uint32_t caller, std::uint16_t note) override;
  Duration OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) override;

 private:
  Time TimeOf(std::uint64_t row) const;

  const TraceReplay trace_;
  const std::uint64_t name_;
  std::uint32_t first_ = 0;
  std::uint64_t row_ = 0;  // The next one; goes on counting when the trace repeats.
};

}  // namespace holdfast::drill
