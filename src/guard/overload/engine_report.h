// What is known of the engine from outside the requests: its own report, or what the gateway itself
// sees of it (of a foreign engine: the tokens relayed a second, and no more). Four a second are
// plenty; admission also works without any. A field that is not known stays as it is here.
#pragma once

#include <cstdint>

namespace holdfast::guard {

struct EngineReport {
  std::uint32_t running = 0;        // Sequences in the batch.
  std::uint32_t waiting = 0;        // Requests queued inside the engine.
  std::uint32_t sequences_max = 0;  // Of the workers that are up; 0: not known.
  double free_cache_share = 1.0;
  std::uint32_t workers_up = 1;  // 0: nothing can be served.
  std::uint32_t workers_total = 1;
  double tokens_per_s = 0;  // Output tokens of all sequences; 0: not known.
  // Over which that is a mean; 0: since the last report.
  double tokens_span_s = 0;
};

}  // namespace holdfast::guard
