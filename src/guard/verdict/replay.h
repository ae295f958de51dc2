// Replay: the journal run again through the real admission and the engine's model under a virtual
// clock, with some of the causes taken away. It works on logical requests: a request, its retries,
// and what its caller would have done had it been answered otherwise. Pure and deterministic; cost
// in proportion to the attempts replayed (Losses::attempts).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "guard/engine/engine_model.h"
#include "guard/overload/admission.h"
#include "guard/verdict/capacity_trace.h"
#include "guard/verdict/journal.h"
#include "guard/verdict/logical_requests.h"
#include "guard/verdict/provision.h"
#include "guard/verdict/shapley.h"

namespace holdfast::guard {

// What is the same in all worlds of a judgement. The pointees outlive the replay.
struct ReplayInput {
  const LogicalRequests* requests = nullptr;
  const CapacityTrace* capacity = nullptr;
  AdmissionOptions admission;  // Nominal; with the service level.
  EngineProfile engine;        // Nominal.
  Provision provision;
  Duration report_interval = std::chrono::seconds(1);  // Between EngineReports.
  Time from{};                                         // Queues are warm when counting starts.
  Time count_from{};  // Losses count for requests that first arrive in
  Time count_to{};    // [count_from, count_to).
  Time to{};          // Later arrivals are left out; what is under way is finished.
  std::uint64_t seed = 0;
};

// Honest logical requests for answers. Tokens are prompt and answer of what was lost.
struct Losses {
  double requests = 0;       // That first arrived in the counted time,
  double lost = 0;           // of which not served within the service level,
  double tokens = 0;         // and what they asked for.
  std::size_t attempts = 0;  // Replayed, of everybody.
};

// `is_hostile`: by client's number in `requests`. Without hostile traffic their requests are left
// out; without demand honest requests are thinned to the provision; without lost capacity the
// engine and all limits are nominal.
Losses Replay(const ReplayInput& input, std::span<const std::uint8_t> is_hostile,
              CausePresence presence);
double ReplayLoss(const ReplayInput& input, std::span<const std::uint8_t> is_hostile,
                  CausePresence presence);
// What happened, counted in the same way.
Losses ObservedLosses(const ReplayInput& input, std::span<const std::uint8_t> is_hostile);

}  // namespace holdfast::guard
