// AddressLimitDoor: nginx's limit_req as commonly deployed: one leaky bucket an address, excess up
// to the burst at once (nodelay), beyond it refused. Pages, log-ins and answers have buckets of
// their own. Single-threaded.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "drill/front_door.h"

namespace holdfast::drill {

struct LeakyBucket {
  double rate_per_s = 1;
  double burst = 20;
};

class AddressLimitDoor : public FrontDoor {
 public:
  Word OnRequest(std::uint32_t slot, const guard::RequestFacts& facts, Time now) override;
  void SetLimits(double share, Time) override { share_ = share; }

 private:
  struct Level {
    double excess = 0;
    Time updated{};
  };
  std::array<std::unordered_map<std::uint64_t, Level>, guard::kRouteCount> levels_;  // By address.
  double share_ = 1;
};

}  // namespace holdfast::drill
