#include "drill/doors/source_ban_door.h"

#include <algorithm>

namespace holdfast::drill {
namespace {

constexpr double kCapacity = 5;
constexpr double kLeakPerSecond = 0.1;
constexpr Duration kBan = std::chrono::hours(4);

}  // namespace

FrontDoor::Word SourceBanDoor::OnRequest(std::uint32_t, const guard::RequestFacts& facts,
                                         Time now) {
  Source& source = sources_[facts.caller.address];
  const Word banned{.what = Word::kRefuse, .refusal = guard::Refusal::kUnderAttack};
  if (now < source.banned_until) return banned;
  if (facts.route == guard::Route::kPage) return {};
  source.level =
      std::max(0.0, source.level - kLeakPerSecond * guard::ToSeconds(now - source.updated)) + 1;
  source.updated = now;
  if (source.level <= kCapacity) return {};
  source.banned_until = now + kBan;
  return banned;
}

}  // namespace holdfast::drill
