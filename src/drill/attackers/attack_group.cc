#include "drill/attackers/attack_group.h"

#include <algorithm>

#include "drill/identity.h"

namespace holdfast::drill {
namespace {

constexpr std::uint32_t kBrowsers = 40;

}  // namespace

void AttackGroup::Introduce(World& world, std::uint32_t first) {
  first_ = first;
  const std::uint64_t seed = world.seed();
  for (std::uint32_t n = 0; n < count(); ++n) {
    CallerState& source = world.caller(first + n);
    source.random = RandomStream(Mix(seed, name_, n));
    source.kind = attack_.kind;
    source.is_first_visit = true;
    source.ids.address = NameOf(seed, NameSpace::kAddress, name_, n);
    source.ids.prefix =
        NameOf(seed, NameSpace::kPrefix, name_, n / std::max(attack_.sources_per_prefix, 1U));
    const double account = source.random.Uniform();
    if (account < attack_.account_share + attack_.history_share) {
      source.ids.account = NameOf(seed, NameSpace::kAccount, name_, n);
      source.standing = guard::Standing::kNew;
    }
    if (account < attack_.history_share) source.standing = guard::Standing::kHistory;
    source.ids.fingerprint =
        source.random.Chance(attack_.browser_share)
            ? NameOf(seed, NameSpace::kBrowser, CommonOne(source.random, kBrowsers))
            : NameOf(seed, NameSpace::kTool, name_,
                     source.random.Below(std::max(attack_.fingerprints, 1U)));
  }
}

void AttackGroup::Begin(World& world) {
  const double gap_s = GapSeconds();
  for (std::uint32_t n = 0; n < count(); ++n) {
    RandomStream& random = world.caller(first_ + n).random;
    const Time at = attack_.start + guard::FromSeconds(gap_s * random.Uniform());
    if (at < attack_.end) world.Wake(first_ + n, at);
  }
}

void AttackGroup::WakeAgain(World& world, std::uint32_t caller, double jitter) {
  const double share = 1 + jitter * (2 * world.caller(caller).random.Uniform() - 1);
  const Time at = world.now() + guard::FromSeconds(GapSeconds() * share);
  if (at < attack_.end) world.Wake(caller, at);
}

std::uint64_t AttackGroup::SomePayload(World& world, CallerState& source) const {
  const std::uint32_t payload = source.random.Below(std::max(attack_.payloads, 1U));
  return NameOf(world.seed(), NameSpace::kPayload, name_, payload);
}

}  // namespace holdfast::drill
