#include "drill/doors/guarded_door.h"

#include <algorithm>
#include <utility>

#include "drill/door_options.h"

namespace holdfast::drill {
namespace {

guard::DoorOptions OptionsOf(const Scenario& scenario) {
  guard::DoorOptions options;
  options.admission = NominalAdmission(scenario);
  options.passwords.checks_max =
      static_cast<std::size_t>(std::max(1.0, scenario.resources.password_cores));
  options.passwords.check_s = scenario.resources.password_hash_s;
  options.seed = scenario.seed;
  // A scenario is quiet for its first minutes, and says so.
  options.settle = Duration(0);
  options.warm_after = std::chrono::minutes(1);
  return options;
}

void Scale(guard::RateLimit& limit, double share) {
  limit.rate = std::max(limit.rate * share, 1e-6);
  limit.burst = std::max(limit.burst * share, 1.0);
}

guard::EdgeLimits LimitsAt(double share) {
  guard::EdgeLimits limits;
  for (auto& by_vouch : limits.address) {
    for (guard::RateLimit& limit : by_vouch) Scale(limit, share);
  }
  for (guard::RateLimit& limit : limits.account) Scale(limit, share);
  for (guard::RateLimit& limit : limits.key) Scale(limit, share);
  return limits;
}

FrontDoor::Word::What WhatOf(guard::Door::Word::What what) {
  switch (what) {
    case guard::Door::Word::kStart:
      return FrontDoor::Word::kStart;
    case guard::Door::Word::kWait:
      return FrontDoor::Word::kWait;
    case guard::Door::Word::kRefuse:
      break;
  }
  return FrontDoor::Word::kRefuse;
}

}  // namespace

GuardedDoor::GuardedDoor(const Scenario& scenario) : door_(OptionsOf(scenario)) {}

FrontDoor::Word GuardedDoor::OnRequest(std::uint32_t slot, const guard::RequestFacts& facts,
                                       Time now) {
  if (slot >= ids_.size()) ids_.resize(slot + 1, 0);
  const guard::Door::Word word = door_.Admit(facts, now);
  ids_[slot] = word.id;
  if (word.id != 0) slots_.emplace(word.id, slot);
  return {.what = WhatOf(word.what),
          .refusal = word.refusal,
          .retry_after = word.retry_after,
          .wait = word.wait,
          .is_regular = word.is_regular};
}

void GuardedDoor::Poll(Time now, std::vector<std::uint32_t>& started,
                       std::vector<Expired>& refused) {
  started_.clear();
  expired_.clear();
  door_.Poll(now, started_, expired_);
  for (const guard::DoorId id : started_) started.push_back(slots_.at(id));
  for (const guard::Door::Expired& expired : expired_) {
    const std::uint32_t slot = slots_.at(expired.id);
    Release(slot);
    refused.push_back({slot, expired.refusal, expired.retry_after});
  }
}

guard::DoorId GuardedDoor::Release(std::uint32_t slot) {
  slots_.erase(ids_[slot]);
  return std::exchange(ids_[slot], 0);
}

void GuardedDoor::OnFirstToken(std::uint32_t slot, Duration, Time now) {
  door_.OnFirstToken(ids_[slot], now);
}

void GuardedDoor::OnEnd(std::uint32_t slot, const guard::OutcomeFacts& outcome) {
  door_.End(Release(slot), outcome);
}

bool GuardedDoor::Accepts(const guard::Caller& caller, Time now) {
  return door_.Connect(caller, false, now).what != guard::Door::Word::kRefuse;
}

void GuardedDoor::OnEngineReport(const guard::EngineReport& report, Time now) {
  door_.OnEngineReport(report, now);
}

void GuardedDoor::SetLimits(double share, Time) { door_.SetLimits(LimitsAt(share)); }

}  // namespace holdfast::drill
