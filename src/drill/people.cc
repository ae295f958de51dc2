#include "drill/people.h"

#include <algorithm>
#include <cmath>

#include "drill/identity.h"
#include "drill/lengths.h"

namespace holdfast::drill {
namespace {

using guard::Ending;
using guard::Refusal;
using guard::Route;
using guard::Standing;

constexpr double kPageDwellMedian_s = 6;  // Before the first question.
constexpr double kFormMedian_s = 25;      // To fill in a sign-up form,
constexpr double kLogInFormMedian_s = 8;  // or a log-in,
constexpr double kTypoMedian_s = 10;      // and to try a password again.
constexpr double kSolveMedian_s = 2;      // A proof of work on a phone.
constexpr double kMailMedian_s = 35;      // Until a code from a mail is typed in.
constexpr double kStopShare = 0.03;       // Of answers: stopped in the middle,
constexpr double kAnewShare = 0.03;       // or asked for once more.
constexpr double kHeedShare = 0.8;        // Of people who were told a time: wait until then.
constexpr int kTurnTries = 3;
constexpr int kSignUpTries = 6;
constexpr Duration kFormPatience = std::chrono::seconds(60);

Duration Seconds(double seconds) { return guard::FromSeconds(std::clamp(seconds, 0.05, 3e6)); }

}  // namespace

double People::MeanRequestsPerSecond() const {
  const double output = MeanOutputTokens(lengths);
  const double think = think_median_s * std::exp(think_sigma * think_sigma / 2);
  const double turn_s = 4 + output / read_tokens_per_s + think;
  return count * turns_mean / (kPageDwellMedian_s + turns_mean * turn_s + away_mean_s);
}

void PeopleGroup::Introduce(World& world, std::uint32_t first) {
  first_ = first;
  for (std::uint32_t n = 0; n < count(); ++n) {
    CallerState& person = world.caller(first + n);
    person.random = RandomStream(Mix(world.seed(), name_, n));
    person.kind = people_.kind;
    person.pace = static_cast<float>(person.random.LogNormal(1, 0.4));
    const std::uint64_t house = n / std::max(people_.people_per_address, 1U);
    const std::uint64_t seed = world.seed();
    person.ids.address = NameOf(seed, NameSpace::kAddress, name_, house);
    person.ids.prefix = NameOf(seed, NameSpace::kPrefix, name_, house / 2);
    // Behind one address the machines are alike.
    RandomStream office(Mix(seed, name_, ~house));
    RandomStream& chooser =
        people_.people_per_address > 1 && person.random.Chance(0.8) ? office : person.random;
    person.ids.fingerprint =
        NameOf(seed, NameSpace::kBrowser, CommonOne(chooser, people_.fingerprints));
    MakePerson(world, person, n);
  }
}

void PeopleGroup::MakePerson(World& world, CallerState& person, std::uint32_t n) {
  if (people_.kind == CallerKind::kNewcomer) {
    person.is_first_visit = true;
    return;
  }
  person.ids.account = NameOf(world.seed(), NameSpace::kAccount, name_, n);
  person.standing = Standing::kHistory;
  person.is_known = true;
}

void PeopleGroup::Begin(World& world) {
  cycle_s_ = count() * people_.turns_mean / people_.MeanRequestsPerSecond();
  for (std::uint32_t n = 0; n < count(); ++n) {
    world.Wake(first_ + n, FirstArrival(world, world.caller(first_ + n), n));
  }
}

// Spread over a whole cycle of being here and away.
Time PeopleGroup::FirstArrival(World&, CallerState& person, std::uint32_t) {
  return guard::AtSeconds(person.random.Uniform(0, cycle_s_));
}

Time PeopleGroup::NextArrival(World& world, CallerState& person) {
  return world.now() + Seconds(person.random.Exponential(people_.away_mean_s));
}

std::uint64_t PeopleGroup::Payload(World& world, CallerState& person) {
  return NameOf(world.seed(), NameSpace::kPayload, person.random.Next());
}

bool PeopleGroup::WantsAccount(const CallerState& person) const {
  return person.kind == CallerKind::kNewcomer;
}

// The same through a session, so that thinning takes whole sessions.
double PeopleGroup::Mark(const World& world, std::uint32_t caller, const CallerState&) const {
  return UnitOf(Mix(world.seed(), name_ + 1, caller - first_));
}

void PeopleGroup::OnWake(World& world, std::uint32_t caller, std::uint16_t) {
  CallerState& person = world.caller(caller);
  switch (person.phase) {
    case kArrive:
      person.tries = 0;
      person.payload = 0;
      person.turns_left = static_cast<std::uint16_t>(
          1 + std::min(person.random.Exponential(people_.turns_mean - 0.5), 500.0));
      if (HasPageOpen(person)) {
        person.phase = kChat;
        AskTurn(world, caller);
      } else {
        AskPage(world, caller);
      }
      break;
    case kSignUp:
      AskSignUp(world, caller);
      break;
    case kLogIn:
      AskLogIn(world, caller);
      break;
    default:
      AskTurn(world, caller);
  }
}

// Who was here before may have left it open; nobody comes for the first time with it.
bool PeopleGroup::HasPageOpen(CallerState& person) const {
  const bool was_here = !person.is_first_visit || person.logical > 0;
  return !person.random.Chance(people_.page_share) && was_here;
}

void PeopleGroup::AskPage(World& world, std::uint32_t caller) {
  CallerState& person = world.caller(caller);
  if (!world.Ask(caller, {.route = Route::kPage, .opens_connection = true},
                 Mark(world, caller, person))) {
    GoOn(world, caller, Route::kPage, 0);
    return;
  }
  const std::uint64_t elsewhere = Mix(world.seed(), name_ + 3, caller - first_);
  for (int file = 1; file < world.scenario().page_files; ++file) {
    world.Ask(caller,
              {.route = Route::kPage,
               .is_file = true,
               .address = NameOf(world.seed(), NameSpace::kAddress, elsewhere),
               .prefix = NameOf(world.seed(), NameSpace::kPrefix, elsewhere)},
              Mark(world, caller, person));
  }
}

void PeopleGroup::AskSignUp(World& world, std::uint32_t caller) {
  CallerState& person = world.caller(caller);
  const Request request{.route = Route::kRegister,
                        .payload = NameOf(world.seed(), NameSpace::kPayload, person.random.Next()),
                        .patience = kFormPatience,
                        .form_time = Seconds(person.random.LogNormal(kFormMedian_s, 0.5)),
                        .has_disposable_mail = person.random.Chance(0.02)};
  if (!world.Ask(caller, request, Mark(world, caller, person))) {
    GoOn(world, caller, Route::kRegister, 0);
  }
}

void PeopleGroup::AskLogIn(World& world, std::uint32_t caller) {
  CallerState& person = world.caller(caller);
  const bool is_typo = person.tries == 0 && person.random.Chance(people_.typo_share);
  Request request{.route = Route::kLogin, .patience = kFormPatience, .has_wrong_password = is_typo};
  const std::uint64_t elsewhere = Mix(world.seed(), name_ + 2, caller - first_);
  if (UnitOf(elsewhere) < people_.elsewhere_share) {
    request.address = NameOf(world.seed(), NameSpace::kAddress, elsewhere);
    request.prefix = NameOf(world.seed(), NameSpace::kPrefix, elsewhere);
  }
  if (!world.Ask(caller, request, Mark(world, caller, person))) {
    GoOn(world, caller, Route::kLogin, 0);
  }
}

void PeopleGroup::AskTurn(World& world, std::uint32_t caller) {
  CallerState& person = world.caller(caller);
  person.phase = kChat;
  const TokenCounts tokens = DrawTokens(people_.lengths, person.random);
  const bool is_anew = person.payload != 0 && person.random.Chance(kAnewShare);
  if (!is_anew) person.payload = Payload(world, person);
  const double patience_s = person.random.LogNormal(people_.patience_median_s, 0.5);
  Duration leaves_after{-1};
  if (person.random.Chance(kStopShare)) leaves_after = Seconds(person.random.Uniform(0.5, 8));
  if (!world.Ask(caller,
                 {.route = Route::kChat,
                  .payload = person.payload,
                  .prompt_tokens = tokens.prompt,
                  .output_tokens = tokens.output,
                  .tokens_max = people_.lengths.tokens_max,
                  .patience = Seconds(patience_s),
                  .leaves_after = leaves_after},
                 Mark(world, caller, person))) {
    GoOn(world, caller, Route::kChat, tokens.output);
  }
}

void PeopleGroup::GoOn(World& world, std::uint32_t caller, Route route,
                       std::uint32_t output_tokens) {
  CallerState& person = world.caller(caller);
  double pause_s = person.random.LogNormal(kPageDwellMedian_s, 0.6);
  if (route == Route::kPage) {
    person.phase = kChat;
    if (person.ids.account == 0 && WantsAccount(person)) {
      person.phase = kSignUp;
      pause_s += kFormMedian_s;
    } else if (person.ids.account != 0 && person.random.Chance(people_.login_share)) {
      person.phase = kLogIn;
      pause_s = person.random.LogNormal(kLogInFormMedian_s, 0.5);
    }
  } else if (route == Route::kRegister) {
    person.ids.account = NameOf(world.seed(), NameSpace::kAccount, name_, caller - first_);
    person.standing = Standing::kNew;
    person.phase = kChat;
  } else if (route == Route::kLogin) {
    person.phase = kChat;
  } else {
    if (--person.turns_left == 0) {
      EndSession(world, caller);
      return;
    }
    pause_s = person.pace * (output_tokens / people_.read_tokens_per_s +
                             person.random.LogNormal(people_.think_median_s, people_.think_sigma));
  }
  person.tries = 0;
  world.Wake(caller, world.now() + Seconds(pause_s));
}

void PeopleGroup::EndSession(World& world, std::uint32_t caller) {
  CallerState& person = world.caller(caller);
  person.phase = kArrive;
  const Time next = NextArrival(world, person);
  if (next != Time::max()) world.Wake(caller, next);
}

Duration PeopleGroup::OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) {
  if (wish.is_file) return kNoRetry;
  CallerState& person = world.caller(wish.caller);
  const Route route = wish.facts.route;
  const bool has_answer = wish.first_token != Time{} && end.ending != Ending::kFailed;
  if (end.ending == Ending::kServed || has_answer) {
    if (!wish.has_wrong_password) {
      GoOn(world, wish.caller, route, end.output_tokens);
    } else {
      ++person.tries;
      world.Wake(wish.caller, world.now() + Seconds(person.random.LogNormal(kTypoMedian_s, 0.5)));
    }
    return kNoRetry;
  }
  if (route == Route::kRegister) return OnRefusedSignUp(world, person, wish, end);
  return OnLostTurn(world, person, wish, end);
}

// Solves what it is asked, types in the code from its mail, else comes again when it is told to.
Duration PeopleGroup::OnRefusedSignUp(World& world, CallerState& person, Wish& wish,
                                      const AttemptEnd& end) {
  if (++person.tries < kSignUpTries) {
    if (end.refusal == Refusal::kChallengeRequired && !wish.facts.paid_challenge) {
      wish.facts.paid_challenge = true;
      return Seconds(person.random.Exponential(kSolveMedian_s / std::numbers::ln2));
    }
    if (end.refusal == Refusal::kRegistrationPaused && !wish.facts.has_invitation) {
      wish.facts.has_invitation = true;
      return Seconds(person.random.LogNormal(kMailMedian_s, 0.5));
    }
    if (person.random.Chance(0.9)) {
      return std::max(end.retry_after, Seconds(person.random.LogNormal(8, 0.5)));
    }
  }
  EndSession(world, wish.caller);
  return kNoRetry;
}

// Asks again, or goes away.
Duration PeopleGroup::OnLostTurn(World& world, CallerState& person, Wish& wish,
                                 const AttemptEnd& end) {
  if (end.refusal == Refusal::kChallengeRequired && !wish.facts.paid_challenge) {
    wish.facts.paid_challenge = true;
    return Seconds(person.random.Exponential(kSolveMedian_s / std::numbers::ln2));
  }
  if (++person.tries < kTurnTries && person.random.Chance(people_.returns_share)) {
    const Duration pause = Seconds(person.random.LogNormal(8, 0.7));
    const bool heeds =
        end.retry_after <= std::chrono::minutes(2) && person.random.Chance(kHeedShare);
    return heeds ? std::max(end.retry_after, pause) : pause;
  }
  EndSession(world, wish.caller);
  return kNoRetry;
}

}  // namespace holdfast::drill
