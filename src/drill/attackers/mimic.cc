#include "drill/attackers/mimic.h"

#include <algorithm>

#include "drill/identity.h"

namespace holdfast::drill {
namespace {

constexpr double kTurnsMean = 4;
constexpr double kRamp_s = 20;  // All sources have come after this.

// Sessions without long pauses between them, so that the sources reach the attack's rate.
People PeopleOf(const Attack& attack) {
  People people{.kind = CallerKind::kMimic,
                .count = attack.sources,
                .lengths = attack.lengths,
                .turns_mean = kTurnsMean,
                .login_share = 0};
  const double gap_s = attack.sources / attack.rate_per_s;
  people.think_median_s = std::clamp(gap_s / 3, 2.0, 18.0);
  people.away_mean_s = 1;
  const double active_rate = people.MeanRequestsPerSecond();
  people.away_mean_s =
      std::max(1.0, kTurnsMean * gap_s - kTurnsMean * attack.sources / active_rate);
  return people;
}

}  // namespace

MimicGroup::MimicGroup(const Attack& attack, std::uint64_t name)
    : PeopleGroup(PeopleOf(attack), name), attack_(attack) {}

void MimicGroup::MakePerson(World& world, CallerState& person, std::uint32_t n) {
  person.is_first_visit = true;
  person.ids.prefix =
      NameOf(world.seed(), NameSpace::kPrefix, name_, n / std::max(attack_.sources_per_prefix, 1U));
  const double account = person.random.Uniform();
  if (account < attack_.account_share + attack_.history_share) {
    person.ids.account = NameOf(world.seed(), NameSpace::kAccount, name_, n);
    person.standing = guard::Standing::kNew;
  }
  if (account < attack_.history_share) person.standing = guard::Standing::kHistory;
}

Time MimicGroup::FirstArrival(World&, CallerState& person, std::uint32_t) {
  return attack_.start + guard::FromSeconds(person.random.Uniform(0, kRamp_s));
}

Time MimicGroup::NextArrival(World& world, CallerState& person) {
  const double away_s = person.random.Exponential(people_.away_mean_s);
  const Time at = world.now() + guard::FromSeconds(away_s);
  return at < attack_.end ? at : Time::max();
}

std::uint64_t MimicGroup::Payload(World& world, CallerState& person) {
  const std::uint32_t payload = person.random.Below(std::max(attack_.payloads, 1U));
  return NameOf(world.seed(), NameSpace::kPayload, name_, payload);
}

}  // namespace holdfast::drill
