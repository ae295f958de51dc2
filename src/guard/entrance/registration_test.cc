#include "guard/entrance/registration.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <vector>

#include <gtest/gtest.h>

#include "base/mix.h"
#include "base/random.h"

namespace holdfast::guard {
namespace {

constexpr double kOnset = 3600;  // Seconds; an hour of ordinary days comes before.
constexpr double kEnd = 3720;
constexpr double kStop = 3900;

struct Fakes {
  double per_second = 10'000.0 / 60;
  bool loads_form = false;
  double form_time_min = 0;  // Seconds, if it loads the form; uniform up to twice this.
  double disposable_share = 0.5;
  int fingerprints = 4;  // Of the program's own; 0: those of browsers.
  bool pays = false;
  double mailbox_share = 0;
};

struct Tally {
  int people = 0;
  int people_finished = 0;
  int fakes = 0;
  int fakes_finished = 0;
  std::vector<double> extra_s;  // Of people who came while the flood was on.
  double restricted_after_s = -1;
  double lifted_after_s = -1;
  int switches = 0;  // Between open and restricted.
  SignUpRung highest = SignUpRung::kOpen;

  double ExtraMedian() {
    std::nth_element(extra_s.begin(), extra_s.begin() + extra_s.size() / 2, extra_s.end());
    return extra_s[extra_s.size() / 2];
  }
  double PeopleShare() const { return static_cast<double>(people_finished) / people; }
  double FakeShare() const { return fakes == 0 ? 0 : static_cast<double>(fakes_finished) / fakes; }
};

// People and programs who sign up, retry, solve and give up.
class SignUps {
 public:
  SignUps(std::uint64_t seed, double people_per_second, const RegistrationOptions& options = {})
      : random_(seed), people_per_second_(people_per_second), policy_(options) {}

  void SetCrowd(double factor) { crowd_factor_ = factor; }

  Tally Run(const Fakes* fakes) {
    for (double now_s = 0; now_s < kStop;) {
      const bool is_crowded = now_s >= kOnset && now_s < kEnd;
      now_s += Gap(people_per_second_ * (is_crowded ? crowd_factor_ : 1));
      Push(now_s, MakePerson(now_s));
    }
    if (fakes != nullptr) {
      for (double now_s = kOnset; now_s < kEnd; now_s += Gap(fakes->per_second)) {
        Push(now_s, MakeFake(*fakes, now_s));
      }
    }
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      Step(event);
    }
    ReadSwitches();
    return tally_;
  }

 private:
  struct Visitor {
    RequestFacts facts{};
    double came_s = 0;
    double hashes_per_s = 0;
    int returns = 0;
    bool is_fake = false;
    bool pays = true;
    bool has_mailbox = true;
  };
  struct Event {
    double time_s = 0;
    std::uint64_t order = 0;
    Visitor visitor;

    bool operator>(const Event& other) const {
      return time_s > other.time_s || (time_s == other.time_s && order > other.order);
    }
  };

  double Gap(double rate) { return -std::log(1 - random_.Uniform()) / rate; }
  std::uint64_t Browser() {
    const double draw = random_.Uniform();
    return draw < 0.3 ? 1 : draw < 0.5 ? 2 : 3 + random_.Next() % 60;
  }
  void Push(double time_s, const Visitor& visitor) { events_.push({time_s, ++order_, visitor}); }

  Visitor MakePerson(double now_s) {
    Visitor person{.came_s = now_s, .hashes_per_s = 5e5 * std::exp(0.6 * random_.Normal())};
    Describe(person, Browser(), random_.Uniform() < 0.03);
    // One in twenty lets a password manager fill in the form, one in a hundred lost the cookie.
    const double draw = random_.Uniform();
    const double form_s =
        draw < 0.05 ? 1.5 + 2 * random_.Uniform() : 20 * std::exp(0.7 * random_.Normal());
    person.facts.form_time = draw > 0.99 ? Duration(-1) : FromSeconds(form_s);
    return person;
  }

  Visitor MakeFake(const Fakes& fakes, double now_s) {
    Visitor fake{.came_s = now_s, .hashes_per_s = 5e6, .is_fake = true, .pays = fakes.pays};
    const std::uint64_t program = 1'000'000 + random_.Next() % std::max(1, fakes.fingerprints);
    Describe(fake, fakes.fingerprints == 0 ? Browser() : program,
             random_.Uniform() < fakes.disposable_share);
    fake.has_mailbox = random_.Uniform() < fakes.mailbox_share;
    fake.facts.form_time =
        fakes.loads_form ? FromSeconds(fakes.form_time_min * (1 + random_.Uniform())) : Duration(0);
    return fake;
  }

  void Describe(Visitor& visitor, std::uint64_t fingerprint, bool is_disposable) {
    const std::uint64_t address = 1 + random_.Next() % 10'000;
    visitor.facts.route = Route::kRegister;
    visitor.facts.caller = {
        .address = address, .prefix = Mix64(address / 4, 9), .fingerprint = fingerprint};
    visitor.facts.has_disposable_mail = is_disposable;
  }

  void Step(const Event& event) {
    Visitor visitor = event.visitor;
    const Time now = AtSeconds(event.time_s);
    const bool is_counted = visitor.came_s >= kOnset && visitor.came_s < kEnd;
    if (visitor.returns == 0 && is_counted) ++(visitor.is_fake ? tally_.fakes : tally_.people);
    visitor.facts.time = now;
    const SignUpDecision decision = policy_.OnSignUp(visitor.facts, now);
    switch (decision.answer) {
      case SignUpAnswer::kOpen:
        if (is_counted) Finish(visitor, event.time_s);
        return;
      case SignUpAnswer::kChallenge: {
        const double solve_s = std::exp2(decision.challenge_bits) * Gap(1) / visitor.hashes_per_s;
        const double patience_s = visitor.is_fake ? 1e3 : 60;
        if (!visitor.pays || solve_s > patience_s || visitor.facts.paid_challenge) return;
        visitor.facts.paid_challenge = true;
        ++visitor.returns;
        Push(event.time_s + solve_s, visitor);
        return;
      }
      case SignUpAnswer::kPaused:
        if (++visitor.returns <= 5) Push(event.time_s + ToSeconds(decision.retry_after), visitor);
        return;
      case SignUpAnswer::kNeedsMail:
        // People have a mail address, and some programs.
        if (visitor.facts.gives_mail || (visitor.is_fake && !visitor.has_mailbox)) return;
        visitor.facts.gives_mail = true;
        Push(event.time_s + (visitor.is_fake ? 0.1 : 5), visitor);
        return;
      case SignUpAnswer::kNeedsInvitation:
      case SignUpAnswer::kClosed:
        return;
    }
  }

  void Finish(const Visitor& visitor, double now_s) {
    ++(visitor.is_fake ? tally_.fakes_finished : tally_.people_finished);
    if (!visitor.is_fake) tally_.extra_s.push_back(now_s - visitor.came_s);
  }

  void ReadSwitches() {
    std::vector<RegistrationChange> changes;
    policy_.DrainChanges(changes);
    for (const RegistrationChange& change : changes) {
      const double time_s = ToSeconds(change.time);
      if (time_s < kOnset) continue;
      tally_.highest = std::max(tally_.highest, change.to);
      const bool is_first = change.from == SignUpRung::kOpen;
      const bool is_last = change.to == SignUpRung::kOpen;
      tally_.switches += is_first || is_last;
      if (is_first && tally_.restricted_after_s < 0) tally_.restricted_after_s = time_s - kOnset;
      if (is_last) tally_.lifted_after_s = time_s - kEnd;
    }
  }

  Random random_;
  double people_per_second_;
  double crowd_factor_ = 1;
  RegistrationPolicy policy_;
  Tally tally_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t order_ = 0;
};

struct FloodCase {
  const char* name;
  Fakes fakes;
};

class Flood : public testing::TestWithParam<FloodCase> {};

// 10,000 sign-ups a minute for two minutes on top of 60, by programs of different effort.
TEST_P(Flood, IsShutOutWhilePeopleGetIn) {
  int people = 0;
  int people_finished = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Tally tally = SignUps(seed, 1).Run(&GetParam().fakes);
    EXPECT_GE(tally.restricted_after_s, 0);
    EXPECT_LE(tally.restricted_after_s, 5);
    EXPECT_LE(tally.lifted_after_s, 60);
    EXPECT_EQ(tally.switches, 2);
    EXPECT_LE(tally.ExtraMedian(), 3);
    EXPECT_LE(tally.FakeShare(), 0.01);
    people += tally.people;
    people_finished += tally.people_finished;
  }
  EXPECT_GE(people_finished, 0.98 * people);
}

INSTANTIATE_TEST_SUITE_P(
    Registration, Flood,
    testing::Values(
        FloodCase{"posts_forms_it_never_loaded", {}}, FloodCase{"pays_too", {.pays = true}},
        FloodCase{"loads_the_form_and_pays",
                  {.loads_form = true, .form_time_min = 0.2, .fingerprints = 0, .pays = true}},
        FloodCase{"takes_a_persons_time_with_its_own_fingerprints",
                  {.loads_form = true, .form_time_min = 10, .pays = true}},
        FloodCase{"takes_a_persons_time_with_many_fingerprints",
                  {.loads_form = true, .form_time_min = 10, .fingerprints = 20, .pays = true}},
        FloodCase{"makes_up_a_fingerprint_each_time",
                  {.loads_form = true, .form_time_min = 10, .fingerprints = 1 << 30, .pays = true}},
        FloodCase{"looks_like_a_person_but_does_not_pay",
                  {.loads_form = true, .form_time_min = 10, .fingerprints = 0}}),
    [](const auto& info) { return info.param.name; });

// Nothing tells these from people but the price; `capacity` bounds them, and people still get in.
TEST(Registration, FakesThatDoAllThatPeopleDoAndPayAreBoundedByCapacity) {
  const Fakes perfect{.loads_form = true,
                      .form_time_min = 10,
                      .disposable_share = 0,
                      .fingerprints = 0,
                      .pays = true};
  const Tally tally = SignUps(1, 1).Run(&perfect);
  EXPECT_LE(tally.restricted_after_s, 5);
  EXPECT_LE(tally.lifted_after_s, 60);
  EXPECT_LE(tally.fakes_finished, 20 * (kStop - kOnset) + 200);
}

// Thirteen times as many people within seconds: they solve a challenge at most.
TEST(Registration, ACrowdIsLetIn) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    SignUps sign_ups(seed, 1);
    sign_ups.SetCrowd(13);
    Tally tally = sign_ups.Run(nullptr);
    EXPECT_GE(tally.PeopleShare(), 0.98);
    EXPECT_LE(tally.ExtraMedian(), 3);
    EXPECT_LE(tally.lifted_after_s, 60);
  }
}

TEST(Registration, OrdinaryDaysAreOpen) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    Tally tally = SignUps(seed, 1).Run(nullptr);
    EXPECT_EQ(tally.people, tally.people_finished);
    EXPECT_EQ(tally.ExtraMedian(), 0);
    EXPECT_EQ(tally.switches, 0);
  }
}

// One fake in two seconds is no surge of sign-ups, but it is one of machine-like ones.
TEST(Registration, ASlowFloodInLockStepIsSeenToo) {
  Fakes slow;
  slow.per_second = 1;
  const Tally tally = SignUps(3, 0.3).Run(&slow);
  EXPECT_GE(tally.restricted_after_s, 0);
  EXPECT_LE(tally.restricted_after_s, 30);
  EXPECT_LE(tally.lifted_after_s, 60);
}

TEST(Registration, PulsesDoNotMakeItFlap) {
  RegistrationPolicy policy;
  const RequestFacts fake{.caller = {.address = 1, .prefix = 2, .fingerprint = 3},
                          .route = Route::kRegister,
                          .form_time = Duration(0)};
  std::vector<RegistrationChange> changes;
  for (int i = 0; i < 60'000; ++i) {  // Ten minutes: 2 s of flood every 20 s.
    const Time now = AtSeconds(i * 0.01);
    if (i % 2000 < 200) {
      policy.OnSignUp(fake, now);
    } else {
      policy.Advance(now);
    }
  }
  policy.DrainChanges(changes);
  EXPECT_LE(changes.size(), 8);
}

// An hour of ordinary days: a form a second, filled in by people.
void LiveAnHour(RegistrationPolicy& policy) {
  Random random(7);
  RequestFacts person{
      .caller = {}, .route = Route::kRegister, .form_time = std::chrono::seconds(20)};
  for (int i = 0; i < 3600; ++i) {
    const std::uint64_t address = random.Next();
    person.caller = {.address = address, .prefix = address, .fingerprint = 1 + address % 40};
    policy.OnSignUp(person, AtSeconds(i));
  }
  ASSERT_FALSE(policy.is_restricted());
}

TEST(Registration, AnInvitationLetsInButMachinesSlowly) {
  RegistrationPolicy policy;
  LiveAnHour(policy);
  RequestFacts facts{.caller = {.address = 1, .prefix = 2, .fingerprint = 3},
                     .route = Route::kRegister,
                     .form_time = Duration(0)};
  for (int i = 0; i < 5000; ++i) policy.OnSignUp(facts, AtSeconds(3600 + i * 0.01));
  EXPECT_TRUE(policy.is_restricted());
  EXPECT_EQ(policy.OnSignUp(facts, AtSeconds(3650)).answer, SignUpAnswer::kNeedsMail);
  facts.has_invitation = true;
  EXPECT_EQ(policy.OnSignUp(facts, AtSeconds(3650)).answer, SignUpAnswer::kOpen);

  int let_in = 1;
  for (int i = 0; i < 500; ++i) {
    const SignUpDecision decision = policy.OnSignUp(facts, AtSeconds(3650));
    if (decision.answer == SignUpAnswer::kOpen) ++let_in;
    EXPECT_EQ(decision.answer == SignUpAnswer::kPaused, decision.retry_after > Duration(0));
  }
  EXPECT_LE(let_in, RegistrationOptions{}.suspect_capacity.burst + 1);
  RequestFacts person{.caller = {.address = 4, .prefix = 5, .fingerprint = 6},
                      .route = Route::kRegister,
                      .form_time = std::chrono::seconds(20)};
  person.has_invitation = true;
  const SignUpDecision invited = policy.OnSignUp(person, AtSeconds(3650));
  EXPECT_EQ(invited.answer, SignUpAnswer::kOpen);
  EXPECT_FALSE(invited.on_probation);
}

// What is assumed about attackers is varied, since the policy must not know it: how many use
// throw-away mail, read their mail, fill in forms like people.
TEST(Registration, HoldsWhateverShareOfFakesHasWhat) {
  for (const double disposable : {0.0, 0.1, 0.5, 0.95}) {
    for (const double mailboxes : {0.0, 0.02, 0.5, 1.0}) {
      for (const double form_s : {0.0, 0.5, 10.0}) {
        SCOPED_TRACE(testing::Message() << disposable << ' ' << mailboxes << ' ' << form_s);
        const Fakes fakes{.loads_form = form_s > 0,
                          .form_time_min = form_s,
                          .disposable_share = disposable,
                          .pays = true,
                          .mailbox_share = mailboxes};
        const Tally tally = SignUps(1, 1).Run(&fakes);
        EXPECT_LE(tally.restricted_after_s, 5);
        EXPECT_LE(tally.lifted_after_s, 60);
        EXPECT_LE(tally.FakeShare(), 0.015);
        EXPECT_GE(tally.PeopleShare(), 0.97);
      }
    }
  }
}

struct RungCase {
  const char* name;
  bool has_mail;
  bool pays;
  double mailbox_share;
  SignUpRung highest;
};

class Ladder : public testing::TestWithParam<RungCase> {};

// Fakes that nothing tells from people, who do more and more of what is asked.
TEST_P(Ladder, ClimbsAsFarAsItMustAndComesDownAgain) {
  RegistrationOptions options;
  options.has_mail = GetParam().has_mail;
  const Fakes fakes{.loads_form = true,
                    .form_time_min = 10,
                    .disposable_share = 0.03,
                    .fingerprints = 0,
                    .pays = GetParam().pays,
                    .mailbox_share = GetParam().mailbox_share};
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    const Tally tally = SignUps(seed, 1, options).Run(&fakes);
    EXPECT_EQ(tally.highest, GetParam().highest);
    EXPECT_LE(tally.restricted_after_s, 5);
    EXPECT_LE(tally.lifted_after_s, 60);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Registration, Ladder,
    testing::Values(RungCase{"challenge", true, false, 0, SignUpRung::kChallenge},
                    RungCase{"mail", true, true, 0, SignUpRung::kMail},
                    RungCase{"invitation", true, true, 1, SignUpRung::kInvitation},
                    RungCase{"no_mail_server", false, true, 0, SignUpRung::kInvitation}),
    [](const auto& info) { return info.param.name; });

TEST(Registration, ClosesWhenInvitationsAreUsedFasterThanAccountsCanBeMade) {
  RegistrationPolicy policy;
  RequestFacts facts{.caller = {.address = 1}, .route = Route::kRegister, .paid_challenge = true};
  facts.gives_mail = true;
  double now_s = 0;
  while (policy.rung() < SignUpRung::kInvitation && now_s < 300) {
    policy.OnSignUp(facts, AtSeconds(now_s += 0.01));
  }
  EXPECT_EQ(policy.rung(), SignUpRung::kInvitation);
  EXPECT_EQ(policy.OnSignUp(facts, AtSeconds(now_s)).answer, SignUpAnswer::kNeedsInvitation);
  facts.has_invitation = true;
  const double end_s = now_s + 300;
  while (policy.rung() < SignUpRung::kClosed && now_s < end_s) {
    policy.OnSignUp(facts, AtSeconds(now_s += 0.01));
  }
  const SignUpDecision closed = policy.OnSignUp(facts, AtSeconds(now_s));
  EXPECT_EQ(closed.answer, SignUpAnswer::kClosed);
  EXPECT_GT(closed.retry_after, Duration(0));
  for (int i = 0; i < 60; ++i) policy.Advance(AtSeconds(now_s + i));
  EXPECT_FALSE(policy.is_restricted());
  // One rung at a time, both ways.
  std::vector<RegistrationChange> changes;
  policy.DrainChanges(changes);
  for (const RegistrationChange& change : changes) {
    EXPECT_EQ(std::abs(static_cast<int>(change.from) - static_cast<int>(change.to)), 1);
  }
}

// A program that solves in advance sends nothing but paid forms.
TEST(Registration, AFloodThatPaysInAdvanceIsCounted) {
  RegistrationPolicy policy;
  const RequestFacts facts{
      .caller = {.address = 1}, .route = Route::kRegister, .paid_challenge = true};
  for (int i = 0; i < 800; ++i) policy.OnSignUp(facts, AtSeconds(i / 167.0));
  EXPECT_TRUE(policy.is_restricted());
}

TEST(Registration, WhoIsLetInWhileRestrictedIsOnProbation) {
  RegistrationPolicy policy;
  RequestFacts facts{.caller = {.address = 1}, .route = Route::kRegister};
  EXPECT_FALSE(policy.OnSignUp(facts, AtSeconds(0)).on_probation);
  for (int i = 0; i < 500; ++i) policy.OnSignUp(facts, AtSeconds(i * 0.01));
  ASSERT_EQ(policy.rung(), SignUpRung::kChallenge);
  facts.paid_challenge = true;
  const SignUpDecision paid = policy.OnSignUp(facts, AtSeconds(6));
  EXPECT_EQ(paid.answer, SignUpAnswer::kOpen);
  EXPECT_TRUE(paid.on_probation);
}

TEST(Registration, BeyondCapacityEverybodyIsToldWhenToComeBack) {
  RegistrationOptions options;
  options.capacity = {1, 3};
  RegistrationPolicy policy(options);
  RequestFacts facts{.caller = {.address = 1}, .route = Route::kRegister, .paid_challenge = true};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(policy.OnSignUp(facts, AtSeconds(0)).answer, SignUpAnswer::kOpen);
  }
  const SignUpDecision paused = policy.OnSignUp(facts, AtSeconds(0));
  EXPECT_EQ(paused.answer, SignUpAnswer::kPaused);
  EXPECT_EQ(paused.refusal(), Refusal::kRegistrationPaused);
  EXPECT_EQ(policy.OnSignUp(facts, AtSeconds(0) + paused.retry_after).answer, SignUpAnswer::kOpen);
}

TEST(Registration, ASlowRampDoesNotTeachItAFlood) {
  Random random(5);
  RegistrationPolicy policy;
  RequestFacts facts{
      .caller = {}, .route = Route::kRegister, .form_time = std::chrono::seconds(20)};
  double now_s = 0;
  while (now_s < 12 * 3600) {  // From 0.5 to 50 a second in twelve hours.
    const double rate = 0.5 * std::pow(100, now_s / (12 * 3600));
    now_s += -std::log(1 - random.Uniform()) / rate;
    facts.caller = {.address = random.Next(), .prefix = random.Next(), .fingerprint = 1};
    policy.OnSignUp(facts, AtSeconds(now_s));
  }
  EXPECT_LE(policy.baseline(), RegistrationOptions{}.baseline_max);
  EXPECT_TRUE(policy.is_restricted());
}

}  // namespace
}  // namespace holdfast::guard
