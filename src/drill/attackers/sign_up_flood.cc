#include "drill/attackers/sign_up_flood.h"

#include "drill/identity.h"
#include "drill/lengths.h"

namespace holdfast::drill {
namespace {

using guard::Refusal;

constexpr std::uint16_t kUseAccount = 1;
constexpr double kJitter = 0.05;       // In lock-step.
constexpr double kSolveSeconds = 0.1;  // A native solver.
constexpr double kConfirmSeconds = 3;  // Its mail is read by a program.
constexpr double kUseMean_s = 5;

}  // namespace

void SignUpFlood::OnWake(World& world, std::uint32_t caller, std::uint16_t note) {
  CallerState& source = world.caller(caller);
  if (note == kUseAccount) {
    const TokenCounts tokens = DrawTokens(attack_.lengths, source.random);
    world.Ask(caller, {.route = guard::Route::kChat,
                       .payload = SomePayload(world, source),
                       .prompt_tokens = tokens.prompt,
                       .output_tokens = tokens.output,
                       .patience = guard::FromSeconds(attack_.patience_s)});
    return;
  }
  WakeAgain(world, caller, kJitter);
  source.ids.account = 0;
  source.standing = guard::Standing::kAnonymous;
  world.Ask(caller, {.route = guard::Route::kRegister,
                     .payload = NameOf(world.seed(), NameSpace::kPayload, name_, 0),
                     .patience = guard::FromSeconds(attack_.patience_s),
                     .opens_connection = true,
                     .form_time = Duration(source.random.Below(300'000)),
                     .has_disposable_mail = source.random.Chance(attack_.disposable_share)});
}

Duration SignUpFlood::OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) {
  if (wish.facts.route != guard::Route::kRegister) return kNoRetry;
  CallerState& source = world.caller(wish.caller);
  if (end.ending == guard::Ending::kServed) {
    source.ids.account = NameOf(world.seed(), NameSpace::kAccount, name_, source.random.Next());
    source.standing = guard::Standing::kNew;
    world.Wake(wish.caller, world.now() + guard::FromSeconds(source.random.Exponential(kUseMean_s)),
               kUseAccount);
    return kNoRetry;
  }
  if (end.refusal == Refusal::kChallengeRequired && !wish.facts.paid_challenge &&
      source.random.Chance(attack_.solves_share)) {
    wish.facts.paid_challenge = true;
    return guard::FromSeconds(kSolveSeconds);
  }
  if (end.refusal == Refusal::kRegistrationPaused && !wish.facts.has_invitation &&
      !wish.facts.has_disposable_mail && source.random.Chance(attack_.confirms_share)) {
    wish.facts.has_invitation = true;
    return guard::FromSeconds(kConfirmSeconds);
  }
  return kNoRetry;
}

}  // namespace holdfast::drill
