#include "drill/doors/address_limit_door.h"

#include <algorithm>

namespace holdfast::drill {
namespace {

// Rates of the kind that guides recommend: 10 pages a second, a log-in or sign-up a second at most
// for a while, an answer a second.
constexpr std::array<LeakyBucket, guard::kRouteCount> kBuckets = {
    {{10, 50}, {0.2, 5}, {0.5, 10}, {1, 20}, {2, 40}}};

}  // namespace

FrontDoor::Word AddressLimitDoor::OnRequest(std::uint32_t, const guard::RequestFacts& facts,
                                            Time now) {
  const auto route = static_cast<std::size_t>(facts.route);
  const double rate = kBuckets[route].rate_per_s * share_;
  Level& level = levels_[route][facts.caller.address];
  level.excess = std::max(0.0, level.excess - rate * guard::ToSeconds(now - level.updated));
  level.updated = now;
  if (level.excess + 1 > kBuckets[route].burst + 1) {
    return {.what = Word::kRefuse, .refusal = guard::Refusal::kYourRate};  // No Retry-After: nginx.
  }
  level.excess += 1;
  return {};
}

}  // namespace holdfast::drill
