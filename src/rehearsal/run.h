// Run: a plan carried out over real sockets, from its start to the end of what was under way, and
// its record written. Blocks the calling thread; the generator is one process with one I/O thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "rehearsal/attempt.h"
#include "rehearsal/plan.h"

namespace holdfast::rehearsal {

struct RunOptions {
  std::filesystem::path folder;  // Of the record; made.
  bool uses_sink = false;        // Hostile groups are aimed at a sink, and faults left out.
  int core = -1;                 // The generator's; -1: any.
};

struct RunSummary {
  std::uint64_t attempts = 0;
  double seconds = 0;
};

// Errors: those of ReadAccounts, Arrivals::Of and Recorder; kResourceExhausted: this process may
// not open as many files as the plan has connections; kOutOfRange (the core).
[[nodiscard]] Result<RunSummary> Run(const Plan& plan, const RunOptions& options);

}  // namespace holdfast::rehearsal
