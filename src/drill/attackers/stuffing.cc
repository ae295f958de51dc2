#include "drill/attackers/stuffing.h"

#include <algorithm>

#include "drill/identity.h"

namespace holdfast::drill {

void Stuffing::OnWake(World& world, std::uint32_t caller, std::uint16_t) {
  WakeAgain(world, caller, 0.3);
  CallerState& source = world.caller(caller);
  const std::uint32_t victim = source.random.Below(std::max(attack_.victims, 1U));
  world.Ask(caller, {.route = guard::Route::kLogin,
                     .patience = guard::FromSeconds(attack_.patience_s),
                     .opens_connection = true,
                     .has_wrong_password = !source.random.Chance(attack_.reused_share),
                     .account = NameOf(world.seed(), NameSpace::kAccount, name_ + 1, victim)});
}

// A native solver pays where it can.
Duration Stuffing::OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) {
  if (end.refusal != guard::Refusal::kChallengeRequired || wish.facts.paid_challenge ||
      !world.caller(wish.caller).random.Chance(attack_.solves_share)) {
    return kNoRetry;
  }
  wish.facts.paid_challenge = true;
  return std::chrono::milliseconds(100);
}

}  // namespace holdfast::drill
