#include "drill/attackers/extraction.h"

#include <algorithm>

#include "drill/identity.h"

namespace holdfast::drill {
namespace {

constexpr std::uint32_t kTemplateTokens = 320;
constexpr int kStreams = 4;

}  // namespace

void Extraction::Begin(World& world) {
  for (std::uint32_t n = 0; n < count(); ++n) {
    CallerState& source = world.caller(first_ + n);
    source.ids.key = NameOf(world.seed(), NameSpace::kKey, name_, n);
    for (int stream = 0; stream < kStreams; ++stream) {
      const double spread_s = 20 * source.random.Uniform();
      world.Wake(first_ + n, attack_.start + guard::FromSeconds(spread_s));
    }
  }
}

void Extraction::OnWake(World& world, std::uint32_t caller, std::uint16_t) {
  if (IsOver(world)) return;
  CallerState& source = world.caller(caller);
  world.Ask(caller, {.route = guard::Route::kApi,
                     .payload = SomePayload(world, source),
                     .prompt_tokens = kTemplateTokens + source.random.Below(24),
                     .output_tokens = attack_.lengths.output_max,
                     .tokens_max = attack_.lengths.output_max,
                     .patience = guard::FromSeconds(attack_.patience_s),
                     .opens_connection = source.random.Chance(0.05)});
}

Duration Extraction::OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) {
  // The rate bounds what all streams ask for together.
  const double gap_s = std::max(0.05, GapSeconds() * kStreams * 0.1);
  const Duration pause = std::max(
      end.retry_after, guard::FromSeconds(world.caller(wish.caller).random.Exponential(gap_s)));
  world.Wake(wish.caller, world.now() + pause);
  return kNoRetry;
}

}  // namespace holdfast::drill
