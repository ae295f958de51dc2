// OpenDoor: first come, first served by the engine's own unbounded queue; no limit of any kind.
// The base of the other comparisons, which refuse before it. Single-threaded.
#pragma once

#include "drill/front_door.h"

namespace holdfast::drill {

class OpenDoor : public FrontDoor {
 public:
  Word OnRequest(std::uint32_t, const guard::RequestFacts&, Time) override { return {}; }
};

}  // namespace holdfast::drill
