// AdaptiveLimitDoor: a limit on requests in flight that follows the gradient of latency (Gradient2
// of Netflix's concurrency-limits, the idea of Envoy's adaptive concurrency too): it falls while
// the short average of the time to a first token lies above the long one, and grows by its square
// root else. Whoever comes beyond it is refused at once; no queue, no identity. Single-threaded.
#pragma once

#include <cstdint>

#include "drill/front_door.h"

namespace holdfast::drill {

class AdaptiveLimitDoor : public FrontDoor {
 public:
  Word OnRequest(std::uint32_t slot, const guard::RequestFacts& facts, Time now) override;
  void OnFirstToken(std::uint32_t slot, Duration since_start, Time now) override;
  void OnEnd(std::uint32_t slot, const guard::OutcomeFacts& outcome) override;

 private:
  double limit_ = 32;
  double long_s_ = 0;  // Averages of the time to a first token; 0: none yet.
  double short_s_ = 0;
  std::uint32_t in_flight_ = 0;
};

}  // namespace holdfast::drill
