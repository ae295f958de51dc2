// SourceBanDoor: CrowdSec's generic rule: a bucket of 5 a source with one leak in 10 s; when it
// overflows, the source is banned for four hours. It counts what its log parsers would feed it
// here: log-ins, sign-ups and requests for answers. Single-threaded.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "drill/front_door.h"

namespace holdfast::drill {

class SourceBanDoor : public FrontDoor {
 public:
  Word OnRequest(std::uint32_t slot, const guard::RequestFacts& facts, Time now) override;

 private:
  struct Source {
    double level = 0;
    Time updated{};
    Time banned_until{};
  };
  std::unordered_map<std::uint64_t, Source> sources_;  // By address.
};

}  // namespace holdfast::drill
