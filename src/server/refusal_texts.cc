#include "server/refusal_texts.h"

#include <chrono>
#include <utility>

#include "base/mix.h"

namespace holdfast::server {
namespace {

std::chrono::milliseconds WaitOf(const guard::Door::Word& refusal) {
  return std::chrono::ceil<std::chrono::milliseconds>(refusal.retry_after);
}

}  // namespace

RefusalTexts::Kind RefusalTexts::KindOf(const guard::Door::Word& refusal, api::Dialect dialect) {
  return {.refusal = refusal.refusal,
          .dialect = dialect,
          .has_wait = refusal.retry_after > guard::Duration(0),
          .has_long_wait = WaitOf(refusal) > api::kHonouredWaitMax,
          .decision = refusal.restriction.id,
          .expires = refusal.restriction.expires};
}

std::size_t RefusalTexts::PlaceOf(const Kind& kind) {
  const std::uint64_t what = static_cast<std::uint64_t>(kind.refusal) << 16 |
                             static_cast<std::uint64_t>(kind.dialect) << 8 |
                             static_cast<std::uint64_t>(kind.has_wait) << 1 |
                             static_cast<std::uint64_t>(kind.has_long_wait);
  return Mix64(kind.decision, what) % kPlaces;
}

RefusalTexts::Text RefusalTexts::Find(const guard::Door::Word& refusal, api::Dialect dialect) {
  const Kind kind = KindOf(refusal, dialect);
  {
    const std::lock_guard lock(mutex_);
    const Place& place = places_[PlaceOf(kind)];
    if (place.text != nullptr && place.kind == kind) return place.text;
  }
  auto text = std::make_shared<const api::RefusalText>(door_.ErrorOf(refusal), dialect);
  const std::lock_guard lock(mutex_);
  places_[PlaceOf(kind)] = {kind, text};
  return text;
}

api::RefusalText::Filled RefusalTexts::Fill(const guard::Door::Word& refusal, api::Dialect dialect,
                                            std::string_view request_id) {
  return Find(refusal, dialect)->Fill(WaitOf(refusal), request_id);
}

}  // namespace holdfast::server
