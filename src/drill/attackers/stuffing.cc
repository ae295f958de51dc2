#include "drill/attackers/stuffing.h"

#include <algorithm>
#include <vector>

#include "drill/identity.h"

namespace holdfast::drill {

// The lists that such attackers buy name some people who are customers here.
std::uint64_t Stuffing::SomeAccount(const World& world, RandomStream& random) const {
  const std::uint32_t victim = random.Below(std::max(attack_.victims, 1U));
  if (attack_.customer_share > 0 && random.Chance(attack_.customer_share)) {
    const std::vector<People>& people = world.scenario().people;
    const std::size_t group = random.Below(static_cast<std::uint32_t>(people.size()));
    if (people[group].kind != CallerKind::kNewcomer) {  // They have no account yet.
      return NameOf(world.seed(), NameSpace::kAccount, GroupName(GroupSort::kPeople, group),
                    victim % std::max(people[group].count, 1U));
    }
  }
  return NameOf(world.seed(), NameSpace::kAccount, name_ + 1, victim);
}

void Stuffing::OnWake(World& world, std::uint32_t caller, std::uint16_t) {
  WakeAgain(world, caller, 0.3);
  CallerState& source = world.caller(caller);
  const std::uint64_t account = SomeAccount(world, source.random);
  world.Ask(caller, {.route = guard::Route::kLogin,
                     .patience = guard::FromSeconds(attack_.patience_s),
                     .opens_connection = true,
                     .has_wrong_password = !source.random.Chance(attack_.reused_share),
                     .account = account});
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
