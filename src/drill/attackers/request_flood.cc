#include "drill/attackers/request_flood.h"

#include "drill/lengths.h"

namespace holdfast::drill {
namespace {

constexpr double kJitter = 0.3;
constexpr std::uint16_t kAfterPage = 1;
constexpr double kPageGlance_s = 2.5;
// An abandoned stream is left after its first token, so that the prompt was paid for.
constexpr double kAbandonMax_s = 0.5;

}  // namespace

void RequestFlood::OnWake(World& world, std::uint32_t caller, std::uint16_t note) {
  CallerState& source = world.caller(caller);
  if (note != kAfterPage) {
    WakeAgain(world, caller, kJitter);
    if (source.logical == 0 && source.random.Chance(attack_.page_share)) {
      world.Ask(caller, {.route = guard::Route::kPage, .opens_connection = true});
      const double glance_s = source.random.Exponential(kPageGlance_s);
      world.Wake(caller, world.now() + guard::FromSeconds(glance_s), kAfterPage);
      return;
    }
  }
  world.Ask(caller, MakeRequest(world, source));
}

Request RequestFlood::MakeRequest(World& world, CallerState& source) const {
  TokenCounts tokens = DrawTokens(attack_.lengths, source.random);
  Request request{.route = source.ids.account != 0 ? guard::Route::kApi : guard::Route::kChat,
                  .payload = SomePayload(world, source),
                  .tokens_max = attack_.lengths.tokens_max,
                  .patience = guard::FromSeconds(attack_.patience_s),
                  .opens_connection = true,
                  .reads = source.random.Chance(attack_.read_share)};
  if (attack_.kind == CallerKind::kCostLimit) {
    tokens = {attack_.lengths.prompt_max, attack_.lengths.output_max};
    request.tokens_max = attack_.lengths.output_max;
  }
  if (attack_.kind == CallerKind::kAbandonedStreams) {
    request.leaves_after = guard::FromSeconds(kAbandonMax_s * source.random.Uniform());
  }
  request.prompt_tokens = tokens.prompt;
  request.output_tokens = tokens.output;
  return request;
}

}  // namespace holdfast::drill
