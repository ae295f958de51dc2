#include "drill/api_programs.h"

#include <algorithm>
#include <cmath>

#include "drill/identity.h"
#include "drill/lengths.h"

namespace holdfast::drill {
namespace {

using guard::Ending;
using guard::Refusal;

constexpr std::uint32_t kSdks = 8;

}  // namespace

Duration RetryDelay(const RetryLaw& law, const Wish& wish, const AttemptEnd& end,
                    RandomStream& random) {
  if (end.ending == Ending::kServed || wish.facts.attempt >= law.retries_max) return kNoRetry;
  if (end.ending == Ending::kAbandoned && wish.first_token != Time{}) return kNoRetry;
  // 403 in the API: no library tries those again.
  if (end.refusal == Refusal::kChallengeRequired || end.refusal == Refusal::kUnderAttack) {
    return kNoRetry;
  }
  if (end.retry_after > Duration(0) && end.retry_after <= law.obeyed_max) return end.retry_after;
  const double doubled = guard::ToSeconds(law.backoff_min) * std::exp2(wish.facts.attempt);
  const double backoff_s = std::min(doubled, guard::ToSeconds(law.backoff_max));
  return guard::FromSeconds(backoff_s * (1 - 0.25 * random.Uniform()));
}

void ProgramsGroup::Introduce(World& world, std::uint32_t first) {
  first_ = first;
  cycle_ = Duration(0);
  for (const RateWindow& window : programs_.windows) cycle_ += window.length;
  const std::uint64_t seed = world.seed();
  for (std::uint32_t n = 0; n < count(); ++n) {
    CallerState& program = world.caller(first + n);
    program.random = RandomStream(Mix(seed, name_, n));
    program.kind = programs_.kind;
    program.standing = programs_.standing;
    program.is_known = programs_.standing == guard::Standing::kHistory;
    program.is_first_visit = !program.is_known;
    const std::uint64_t owner = n / std::max(programs_.keys_per_account, 1U);
    program.ids = {.address = NameOf(seed, NameSpace::kAddress, name_, n),
                   .prefix = NameOf(seed, NameSpace::kPrefix, name_, n / 3),
                   .account = NameOf(seed, NameSpace::kAccount, name_, owner),
                   .key = NameOf(seed, NameSpace::kKey, name_, n),
                   .fingerprint = NameOf(seed, NameSpace::kSdk, CommonOne(program.random, kSdks))};
  }
}

void ProgramsGroup::Begin(World& world) {
  if (cycle_ <= Duration(0)) return;
  for (std::uint32_t n = 0; n < count(); ++n) {
    const Time at = NextArrival(world.caller(first_ + n).random, Time{});
    if (at != Time::max()) world.Wake(first_ + n, at);
  }
}

// A gap that reaches into the next window is drawn anew from there.
Time ProgramsGroup::NextArrival(RandomStream& random, Time now) const {
  const Time limit = now + 2 * cycle_;
  while (now < limit) {
    Duration into = now.time_since_epoch() % cycle_;
    auto window = programs_.windows.begin();
    while (into >= window->length) into -= (window++)->length;
    const Time window_end = now - into + window->length;
    if (window->rate_per_s > 0) {
      const double mean_gaps = window->law == ArrivalLaw::kGamma     ? random.Gamma(window->shape)
                               : window->law == ArrivalLaw::kWeibull ? random.Weibull(window->shape)
                                                                     : random.Exponential(1);
      const Time at = now + guard::FromSeconds(std::min(mean_gaps / window->rate_per_s, 1e6));
      if (at < window_end) return std::max(at, now + Duration(1));
    }
    now = window_end;
  }
  return Time::max();
}

void ProgramsGroup::OnWake(World& world, std::uint32_t caller, std::uint16_t) {
  CallerState& program = world.caller(caller);
  const TokenCounts tokens = DrawTokens(programs_.lengths, program.random);
  const double mark = UnitOf(Mix(Mix(world.seed(), name_ + 1, caller - first_), program.logical));
  world.Ask(caller,
            {.route = guard::Route::kApi,
             .payload = NameOf(world.seed(), NameSpace::kPayload, program.random.Next()),
             .prompt_tokens = tokens.prompt,
             .output_tokens = tokens.output,
             .tokens_max = programs_.lengths.tokens_max,
             .patience = guard::FromSeconds(programs_.timeout_s),
             .tells_patience = programs_.tells_patience,
             .is_batch = programs_.kind == CallerKind::kBatch,
             .opens_connection = program.random.Chance(0.1)},
            mark);
  const Time next = NextArrival(program.random, world.now());
  if (next != Time::max()) world.Wake(caller, next);
}

Duration ProgramsGroup::OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) {
  return RetryDelay(programs_.retries, wish, end, world.caller(wish.caller).random);
}

}  // namespace holdfast::drill
