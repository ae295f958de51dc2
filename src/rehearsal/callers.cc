#include "rehearsal/callers.h"

#include <utility>

namespace holdfast::rehearsal {
namespace {

constexpr std::uint32_t kHostsPerByte = 250;
constexpr std::uint64_t kKeyName = 0x6b6579;

// Client k of a group on network n: 127.n.a.b.
net::Address AddressOf(const Group& group, std::uint32_t client) {
  const std::uint32_t index = client % static_cast<std::uint32_t>(group.addresses);
  return net::Address::V4({127, static_cast<std::uint8_t>(group.network),
                           static_cast<std::uint8_t>(index / kHostsPerByte),
                           static_cast<std::uint8_t>(1 + index % kHostsPerByte)});
}

}  // namespace

Caller MakeCaller(const Visit& visit) {
  const Group& group = *visit.group;
  Caller caller;
  caller.group = &group;
  caller.number = visit.number;
  caller.client = visit.client;
  caller.address = AddressOf(group, visit.client);
  const Accounts& accounts = visit.stage->accounts();
  const bool has_account =
      drill::UnitOf(drill::Mix(kKeyName, visit.number, visit.client)) < group.keyed_share;
  if (!has_account) return caller;
  // From the group's first account on, so that no group takes what is before it.
  const auto pick = [&](std::size_t count) -> std::optional<std::size_t> {
    const auto first = static_cast<std::size_t>(group.key_first);
    if (count <= first) return std::nullopt;
    return first + visit.client % (count - first);
  };
  if (SpeaksAsBrowser(group.kind)) {
    if (const auto at = pick(accounts.people.size())) caller.cookie = accounts.people[*at].cookie;
  } else if (const auto at = pick(accounts.keys.size())) {
    caller.key = accounts.keys[*at];
  }
  return caller;
}

net::Awaitable<void> RunVisit(Visit visit, Stage::Presence /*presence*/) {
  switch (visit.group->kind) {
    case GroupKind::kPeople:
    case GroupKind::kCrowdPage:
    case GroupKind::kMimic:
      co_await RunPerson(visit);
      break;
    case GroupKind::kPrograms:
    case GroupKind::kCrowdApi:
      co_await RunProgram(visit, kSdkRule);
      break;
    case GroupKind::kNaive:
      co_await RunProgram(visit, kNaiveRule);
      break;
    case GroupKind::kSteady:
    case GroupKind::kOneAccountMany:
      co_await RunLoop(visit);
      break;
    case GroupKind::kFlood:
    case GroupKind::kLong:
    case GroupKind::kAbandon:
    case GroupKind::kSlowRead:
      co_await RunOnce(visit);
      break;
    case GroupKind::kSlowHead:
    case GroupKind::kSlowBody:
    case GroupKind::kHandshakes:
      co_await RunHolder(visit);
      break;
    case GroupKind::kStuffing:
      co_await RunGuess(visit);
      break;
    case GroupKind::kSignUps:
      co_await RunSignUp(visit);
      break;
    case GroupKind::kStop:
    case GroupKind::kKill:
    case GroupKind::kSlow:
    case GroupKind::kFillDisk:
      break;
  }
}

}  // namespace holdfast::rehearsal
