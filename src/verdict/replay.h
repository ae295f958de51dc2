// Replay: the journal run again through the real admission and the engine's model under a virtual
// clock, with some of the causes taken away. It replays logical requests: an attempt that is lost
// in the replay comes again as its caller did, or, where the journal never saw that caller lose, by
// the observed law of its kind. A person who is answered in the replay and was not goes on with the
// conversation, and the other way round. Requests that the edge refused are refused again as long
// as the cause of that refusal is present. Pure and deterministic; about a microsecond an attempt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "verdict/capacity_trace.h"
#include "verdict/demand.h"
#include "verdict/engine/engine_profile.h"
#include "verdict/logical_requests.h"
#include "verdict/shapley.h"
#include "verdict/words.h"

namespace holdfast::verdict {

// What is the same in all worlds of a draw. The pointees outlive the replay.
struct ReplayInput {
  const LogicalRequests* requests = nullptr;
  const CapacityTrace* capacity = nullptr;
  const Demand* demand = nullptr;
  std::span<const std::uint8_t> is_hostile;                   // By client.
  AdmissionOptions admission;                                 // Nominal; with the service level.
  EngineProfile engine;                                       // Nominal.
  Duration report_interval = std::chrono::milliseconds(250);  // Between EngineReports.
  bool has_hostile_connections = false;  // Hostile clients that hold connections, not requests.
  Time from{};                           // Queues are warm when counting starts.
  Time count_from{};  // Counted are requests that first arrive in [count_from, count_to).
  Time count_to{};
  Time to{};  // Later attempts are left out; what is under way is finished.
};

enum class Fate : std::uint8_t { kAbsent, kGood, kLost };

struct ReplayResult {
  // By logical request. Of turns that were never taken only those are not absent that came in the
  // counted time.
  std::vector<Fate> fates;
  std::vector<Time> arrivals;  // The first of each, also by request; Time::max(): it never came.
  std::size_t attempts = 0;    // Decided by the admission.
};

// Without hostile traffic the requests of hostile clients are absent; without demand honest
// requests are thinned to the provision; without lost capacity engine and limits are nominal.
ReplayResult Replay(const ReplayInput& input, CausePresence presence);
// What happened, in the same terms.
std::vector<Fate> ObservedFates(const LogicalRequests& requests, const ServiceLevel& level);

// Of honest logical requests in the counted time.
struct Losses {
  double requests = 0;
  double lost = 0;    // Not served within the service level,
  double tokens = 0;  // and the prompt and answer tokens of these.
};
Losses CountLosses(const ReplayInput& input, std::span<const Fate> fates);
double ReplayLoss(const ReplayInput& input, CausePresence presence);

}  // namespace holdfast::verdict
