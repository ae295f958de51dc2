#include "drill/trace_replay.h"

#include <algorithm>

#include "drill/api_programs.h"
#include "drill/identity.h"

namespace holdfast::drill {

void TraceReplayGroup::Introduce(World& world, std::uint32_t first) {
  first_ = first;
  const std::uint64_t seed = world.seed();
  for (std::uint32_t n = 0; n < count(); ++n) {
    CallerState& caller = world.caller(first + n);
    caller.random = RandomStream(Mix(seed, name_, n));
    caller.kind = CallerKind::kTraced;
    caller.is_known = caller.random.Chance(trace_.history_share);
    caller.standing = caller.is_known ? guard::Standing::kHistory : guard::Standing::kNew;
    const NameSpace client =
        trace_.route == guard::Route::kApi ? NameSpace::kSdk : NameSpace::kBrowser;
    caller.ids = {.address = NameOf(seed, NameSpace::kAddress, name_, n),
                  .prefix = NameOf(seed, NameSpace::kPrefix, name_, n / 2),
                  .account = NameOf(seed, NameSpace::kAccount, name_, n),
                  .fingerprint = NameOf(seed, client, CommonOne(caller.random, 12))};
  }
}

Time TraceReplayGroup::TimeOf(std::uint64_t row) const {
  const auto& requests = *trace_.requests;
  const std::uint64_t round = row / requests.size();
  // A repetition begins a mean gap after the last request; it takes a second at least.
  const Duration length =
      std::max(requests.back().at + requests.back().at / static_cast<std::int64_t>(requests.size()),
               Duration(std::chrono::seconds(1)));
  const Duration at =
      requests[row % requests.size()].at + length * static_cast<std::int64_t>(round);
  return trace_.start + guard::FromSeconds(guard::ToSeconds(at) / trace_.compression);
}

void TraceReplayGroup::Begin(World& world) {
  if (trace_.requests == nullptr || trace_.requests->empty() || count() == 0) return;
  world.Wake(first_, TimeOf(0));
}

void TraceReplayGroup::OnWake(World& world, std::uint32_t, std::uint16_t) {
  const TracedRequest& row = (*trace_.requests)[row_ % trace_.requests->size()];
  const std::uint64_t hash = Mix(world.seed(), name_ + 1, row_);
  const std::uint32_t caller = first_ + static_cast<std::uint32_t>(hash % count());
  world.Ask(caller,
            {.route = trace_.route,
             .payload = NameOf(world.seed(), NameSpace::kPayload, name_, row_),
             .prompt_tokens = row.prompt_tokens,
             .output_tokens = row.output_tokens,
             .patience = guard::FromSeconds(trace_.timeout_s)},
            UnitOf(Mix(hash)));
  ++row_;
  world.Wake(first_, TimeOf(row_));
}

Duration TraceReplayGroup::OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) {
  return RetryDelay(trace_.retries, wish, end, world.caller(wish.caller).random);
}

}  // namespace holdfast::drill
