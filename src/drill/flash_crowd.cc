#include "drill/flash_crowd.h"

#include <cmath>

#include "drill/identity.h"

namespace holdfast::drill {
namespace {

constexpr double kComesBackShare = 0.15;  // Of visitors, once more in the same hour.
constexpr double kBackMean_s = 600;
// After the first turn, of those that ask what everybody asks: most have their own question then.
constexpr double kViralAgainShare = 0.1;

// Visitors in all: under a rate that rises linearly, stays and falls.
double VisitorsOf(const FlashCrowd& crowd) {
  return crowd.visitors_per_s * (guard::ToSeconds(crowd.rise) / 2 + guard::ToSeconds(crowd.hold) +
                                 guard::ToSeconds(crowd.fall) / 2);
}

People PeopleOf(const FlashCrowd& crowd) {
  People people = crowd.visitor;
  people.count = static_cast<std::uint32_t>(std::lround(VisitorsOf(crowd)));
  people.page_share = 1;
  return people;
}

}  // namespace

FlashCrowdGroup::FlashCrowdGroup(const FlashCrowd& crowd, std::uint64_t name)
    : PeopleGroup(PeopleOf(crowd), name), crowd_(crowd) {}

void FlashCrowdGroup::MakePerson(World& world, CallerState& person, std::uint32_t n) {
  person.is_first_visit = person.random.Chance(crowd_.first_visit_share);
  person.is_known = !person.is_first_visit;
  if (person.random.Chance(crowd_.shared_share)) {
    person.ids.fingerprint = NameOf(world.seed(), NameSpace::kBrowser, 0);
  }
  if (person.is_known) {
    person.ids.account = NameOf(world.seed(), NameSpace::kAccount, name_, n);
    person.standing = guard::Standing::kHistory;
  }
}

// The time by which this visitor's share of all has come.
Time FlashCrowdGroup::FirstArrival(World&, CallerState& person, std::uint32_t) {
  const double rise_s = guard::ToSeconds(crowd_.rise);
  const double hold_s = guard::ToSeconds(crowd_.hold);
  const double fall_s = guard::ToSeconds(crowd_.fall);
  double area = person.random.Uniform() * (rise_s / 2 + hold_s + fall_s / 2);
  double at_s = 0;
  if (area < rise_s / 2) {
    at_s = std::sqrt(2 * area * rise_s);
  } else {
    area -= rise_s / 2;
    if (area < hold_s) {
      at_s = rise_s + area;
    } else {
      area -= hold_s;
      at_s =
          rise_s + hold_s + fall_s - std::sqrt(std::max(0.0, fall_s * fall_s - 2 * area * fall_s));
    }
  }
  return crowd_.start + guard::FromSeconds(at_s);
}

Time FlashCrowdGroup::NextArrival(World& world, CallerState& person) {
  if (!person.random.Chance(kComesBackShare)) return Time::max();
  return world.now() + guard::FromSeconds(person.random.Exponential(kBackMean_s));
}

std::uint64_t FlashCrowdGroup::Payload(World& world, CallerState& person) {
  const double again = person.payload == 0 ? 1 : kViralAgainShare;
  if (person.random.Chance(again * crowd_.viral_share)) {
    return NameOf(world.seed(), NameSpace::kViral, name_);
  }
  return PeopleGroup::Payload(world, person);
}

bool FlashCrowdGroup::WantsAccount(const CallerState& person) const {
  return UnitOf(Mix(person.ids.address, 0x7369676E)) < crowd_.signs_up_share;
}

}  // namespace holdfast::drill
