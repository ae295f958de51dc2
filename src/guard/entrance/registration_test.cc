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
};

struct Tally {
  int people = 0;
  int people_finished = 0;
  int fakes = 0;
  int fakes_finished = 0;
  std::vector<double> extra_s;  // Of people who came while the flood was on.
  double restricted_after_s = -1;
  double lifted_after_s = -1;
  int switches = 0;

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
      case SignUpAnswer::kNeedsInvitation:
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
      ++tally_.switches;
      if (change.is_restricted && tally_.restricted_after_s < 0) {
        tally_.restricted_after_s = time_s - kOnset;
      }
      if (!change.is_restricted) tally_.lifted_after_s = time_s - kEnd;
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

TEST(Registration, AnInvitationLetsInButMachinesSlowly) {
  RegistrationPolicy policy;
  RequestFacts facts{.caller = {.address = 1, .prefix = 2, .fingerprint = 3},
                     .has_disposable_mail = true};
  facts.route = Route::kRegister;
  facts.form_time = Duration(0);
  for (int i = 0; i < 5000; ++i) policy.OnSignUp(facts, AtSeconds(i * 0.01));
  EXPECT_TRUE(policy.is_restricted());
  EXPECT_EQ(policy.OnSignUp(facts, AtSeconds(50)).answer, SignUpAnswer::kNeedsInvitation);
  facts.has_invitation = true;
  EXPECT_EQ(policy.OnSignUp(facts, AtSeconds(50)).answer, SignUpAnswer::kOpen);

  int let_in = 1;
  for (int i = 0; i < 500; ++i) {
    const SignUpDecision decision = policy.OnSignUp(facts, AtSeconds(50));
    if (decision.answer == SignUpAnswer::kOpen) ++let_in;
    EXPECT_EQ(decision.answer == SignUpAnswer::kPaused, decision.retry_after > Duration(0));
  }
  EXPECT_LE(let_in, RegistrationOptions{}.suspect_capacity.burst + 1);
  RequestFacts person{.caller = {.address = 4, .prefix = 5, .fingerprint = 6}};
  person.route = Route::kRegister;
  person.form_time = std::chrono::seconds(20);
  person.has_invitation = true;
  EXPECT_EQ(policy.OnSignUp(person, AtSeconds(50)).answer, SignUpAnswer::kOpen);
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
