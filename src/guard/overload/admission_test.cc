#include "guard/overload/admission.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "guard/overload/stub_service.h"

namespace holdfast::guard {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kCapacity = 23;  // Of the stub's engine, ordinary requests a second.

StubCrowd Crowd(double load) { return {.rate = load * kCapacity, .clients = 20'000}; }

double GoodRate(const StubScenario& scenario, const StubResult& result, std::size_t crowd = 0) {
  return static_cast<double>(result.crowds[crowd].good) /
         (scenario.seconds - scenario.measured_from_s);
}

double Quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

double GoodEstimates(const StubResult& result) {
  double good = 0;
  for (const StubResult::Wait& wait : result.waits) {
    good += std::abs(wait.real - wait.estimated) <= 0.2 * wait.estimated;
  }
  return good / static_cast<double>(result.waits.size());
}

class Load : public testing::TestWithParam<double> {};

TEST_P(Load, HasNoKnee) {
  StubScenario scenario{.crowds = {Crowd(GetParam())}, .seconds = 90};
  scenario.seed = 21;
  const StubResult result = StubService(scenario).Run();
  EXPECT_GE(GoodRate(scenario, result), 0.95 * kCapacity);
  EXPECT_LE(Quantile(result.first_tokens, 0.99), ToSeconds(scenario.options.level.first_token_max));
  EXPECT_LE(result.crowds[0].late, result.crowds[0].good / 100);
  // Almost every refusal comes at once.
  EXPECT_LE(result.crowds[0].expired, result.crowds[0].people / 100);
  // Near capacity waits are short, and short waits are chance.
  EXPECT_GE(GoodEstimates(result), GetParam() < 2 ? 0.7 : 0.85);
}
INSTANTIATE_TEST_SUITE_P(Admission, Load, testing::Values(1.1, 2, 5, 10, 20));

TEST(Admission, RetriesAtOnceDoNotHoldAnOverloadUp) {
  StubScenario scenario{.crowds = {Crowd(0.7), Crowd(6)}, .seconds = 150};
  scenario.measured_from_s = 95;
  scenario.crowds[0].retries = 3;
  scenario.crowds[1].retries = 3;
  scenario.crowds[1].tells_attempt = false;
  scenario.crowds[1].first_client = 1'000'000;
  scenario.crowds[1].start_s = 40;
  scenario.crowds[1].end_s = 80;
  const StubResult result = StubService(scenario).Run();
  // Fifteen seconds after the crowd has gone all is as it was.
  EXPECT_EQ(result.crowds[0].refused, 0u);
  EXPECT_EQ(result.crowds[0].late, 0u);
  EXPECT_GE(GoodRate(scenario, result), 0.95 * 0.7 * kCapacity);
  EXPECT_EQ(result.rung, Rung::kOpen);
}

TEST(Admission, KeepsMostOfItsAppointments) {
  StubScenario scenario{.crowds = {Crowd(0.8), Crowd(5)}, .seconds = 200};
  scenario.measured_from_s = 40;
  scenario.crowds[1].first_client = 1'000'000;
  scenario.crowds[1].clients = 1'000'000;
  scenario.crowds[1].start_s = 40;
  scenario.crowds[1].end_s = 70;
  scenario.crowds[1].retries = 3;
  scenario.crowds[1].is_patient = true;
  const StubResult result = StubService(scenario).Run();
  const StubResult::Crowd& crowd = result.crowds[1];
  EXPECT_GT(crowd.retries_told, 1000u);
  EXPECT_GE(static_cast<double>(crowd.retries_told_met),
            0.85 * static_cast<double>(crowd.retries_told));
}

TEST(Admission, AFloodOfStrangersDoesNotPushOutPeopleWithHistory) {
  StubScenario scenario{.crowds = {Crowd(0.7), Crowd(25), Crowd(25)}, .seconds = 90};
  scenario.crowds[0].clients = 500;
  for (std::size_t i : {1, 2}) {
    scenario.crowds[i].clients = 5000;
    scenario.crowds[i].first_client = i * 1'000'000;
    scenario.crowds[i].standing = i == 1 ? Standing::kNew : Standing::kAnonymous;
  }
  const StubResult result = StubService(scenario).Run();
  EXPECT_EQ(result.crowds[0].refused + result.crowds[0].late, 0u);
  EXPECT_GE(GoodRate(scenario, result), 0.99 * 0.7 * kCapacity * 0.98);
  // And what people leave is not left idle.
  EXPECT_GE(
      GoodRate(scenario, result, 0) + GoodRate(scenario, result, 1) + GoodRate(scenario, result, 2),
      0.95 * kCapacity);
}

TEST(Admission, OneAccountWithManyRequestsGetsOneShare) {
  StubScenario scenario{.crowds = {Crowd(3), Crowd(1.5)}, .seconds = 90};
  scenario.options.wait_max = seconds(60);
  scenario.options.has_ladder = false;
  scenario.crowds[0].clients = 1;
  scenario.crowds[1].clients = 20;
  scenario.crowds[1].first_client = 100;
  const StubResult result = StubService(scenario).Run();
  EXPECT_LT(GoodRate(scenario, result, 0), 0.15 * kCapacity);
}

TEST(Admission, FollowsAnEngineThatSlowsDownAndRecovers) {
  for (const bool has_reports : {true, false}) {
    StubScenario scenario{.crowds = {Crowd(3)}, .seconds = 160, .has_reports = has_reports};
    scenario.fault = [](double now, StubEngine& engine, EngineReport&) {
      engine.SetSpeed(now > 60 && now < 100 ? 0.3 : 1);
    };
    const StubResult result = StubService(scenario).Run();
    EXPECT_LE(Quantile(result.first_tokens, 0.99),
              ToSeconds(scenario.options.level.first_token_max));
    int slow = 0;
    int recovered = 0;
    for (const double end : result.good_times) {
      slow += end > 70 && end < 100;
      recovered += end > 110;
    }
    EXPECT_GE(slow, 0.9 * 0.3 * 30 * kCapacity) << has_reports;
    EXPECT_GE(recovered, 0.95 * 50 * kCapacity) << has_reports;
  }
}

TEST(Admission, TellsTheTruthInALongQueue) {
  constexpr int kRuns = 4;
  double good = 0;
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
    StubScenario scenario{.crowds = {Crowd(0.9), Crowd(8)}, .seconds = 500};
    scenario.seed = seed;
    scenario.measured_from_s = 60;
    scenario.options.wait_max = std::chrono::minutes(20);
    scenario.options.queue_max = 16'384;
    scenario.crowds[1].start_s = 60;
    scenario.crowds[1].end_s = 115;
    const StubResult result = StubService(scenario).Run();
    EXPECT_GE(result.waits.size(), 8000u);
    good += GoodEstimates(result) / kRuns;
    const auto inside = std::ranges::count_if(result.waits, [](const StubResult::Wait& wait) {
      return wait.real >= wait.low && wait.real <= wait.high;
    });
    EXPECT_GE(inside, 0.8 * static_cast<double>(result.waits.size()));
  }
  EXPECT_GE(good, 0.9);
}

// While there is a backlog starts come by a clock, so that also short waits can be told.
TEST(Admission, TellsTheTruthInAShortQueueToo) {
  constexpr int kRuns = 6;
  double good[2] = {};
  double rate[2] = {};
  for (int i = 0; i < 2 * kRuns; ++i) {
    const bool is_paced = i % 2 == 1;
    StubScenario scenario{.crowds = {Crowd(1.05)}, .seconds = 150};
    scenario.options.is_paced = is_paced;
    scenario.seed = 1 + static_cast<std::uint64_t>(i / 2);
    const StubResult result = StubService(scenario).Run();
    EXPECT_GE(result.waits.size(), 1000u);
    good[is_paced] += GoodEstimates(result) / kRuns;
    rate[is_paced] += GoodRate(scenario, result) / kRuns;
  }
  EXPECT_GE(good[1], 0.88);
  EXPECT_GE(good[1], good[0] - 0.01);
  EXPECT_GE(rate[1], 0.99 * rate[0]);
}

TEST(Admission, IsTheSameInEveryRun) {
  StubScenario scenario{.crowds = {Crowd(4)}, .seconds = 40};
  const StubResult first = StubService(scenario).Run();
  const StubResult second = StubService(scenario).Run();
  EXPECT_EQ(first.first_tokens, second.first_tokens);
  EXPECT_EQ(first.counters.capacity, second.counters.capacity);
}

RequestFacts From(std::uint64_t account, Standing standing = Standing::kHistory) {
  RequestFacts facts;
  facts.caller.account = account;
  facts.standing = standing;
  facts.prompt_tokens = 100;
  return facts;
}

AdmissionOptions Narrow() {
  AdmissionOptions options;
  options.is_adaptive = false;
  options.in_flight_initial = 1;
  options.output_tokens_initial = 10;  // Half a second, before anything is known.
  options.queue_max = 10;
  options.queue_per_client_max = 3;
  options.clients_max = 64;
  return options;
}

TEST(Admission, RefusesAtOnceWithAReasonAndATime) {
  Admission admission(Narrow());
  const Time now = AtSeconds(1);
  EXPECT_EQ(admission.Request(From(1), now).what, Admission::Offer::kStart);
  for (int i = 0; i < 3; ++i) {
    const Admission::Offer offer = admission.Request(From(2), now);
    EXPECT_EQ(offer.what, Admission::Offer::kWait);
    EXPECT_EQ(offer.wait.place, static_cast<std::uint32_t>(i + 1));
  }
  const Admission::Offer offer = admission.Request(From(2), now);
  EXPECT_EQ(offer.what, Admission::Offer::kRefuse);
  EXPECT_EQ(offer.refusal, Refusal::kYourConcurrency);
  EXPECT_GE(offer.retry_after, seconds(1));

  RequestFacts hurried = From(3);
  hurried.patience = milliseconds(1);
  EXPECT_EQ(admission.Request(hurried, now).refusal, Refusal::kDeadlineUnreachable);
}

TEST(Admission, KeepsRoomInTheQueueForThoseAbove) {
  AdmissionOptions options = Narrow();
  options.is_deadline_aware = false;
  Admission admission(options);
  const Time now = AtSeconds(1);
  admission.Request(From(1), now);
  for (std::uint64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(admission.Request(From(10 + i, Standing::kAnonymous), now).what,
              Admission::Offer::kWait);
  }
  EXPECT_EQ(admission.Request(From(20, Standing::kAnonymous), now).refusal, Refusal::kQueueFull);
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(admission.Request(From(30 + i, Standing::kNew), now).what, Admission::Offer::kWait);
  }
  EXPECT_EQ(admission.Request(From(40, Standing::kNew), now).refusal, Refusal::kQueueFull);
  for (std::uint64_t i = 0; i < 2; ++i) {
    EXPECT_EQ(admission.Request(From(50 + i), now).what, Admission::Offer::kWait);
  }
  EXPECT_EQ(admission.Request(From(60), now).refusal, Refusal::kQueueFull);
}

TEST(Admission, RefusesWhileTheEngineIsDownAndServesWhenItIsBack) {
  Admission admission(Narrow());
  std::vector<TicketId> started;
  std::vector<Admission::Expired> expired;
  const Admission::Offer running = admission.Request(From(1), AtSeconds(1));
  const Admission::Offer waiting = admission.Request(From(2), AtSeconds(1));
  admission.OnEngineReport({.workers_up = 0}, AtSeconds(2));
  admission.OnFinish(running.id, 0, Ending::kFailed, AtSeconds(2));
  const Admission::Offer refused = admission.Request(From(3), AtSeconds(3));
  EXPECT_EQ(refused.refusal, Refusal::kEngineDown);
  EXPECT_GE(refused.retry_after, seconds(5));
  admission.Poll(AtSeconds(3), started, expired);
  EXPECT_TRUE(started.empty());
  admission.OnEngineReport({.workers_up = 1}, AtSeconds(4));
  admission.Poll(AtSeconds(4), started, expired);
  EXPECT_EQ(started, std::vector<TicketId>{waiting.id});
  EXPECT_TRUE(expired.empty());
}

TEST(Admission, TellsThoseItCanNoLongerServeWhenItKnows) {
  Admission admission(Narrow());
  std::vector<TicketId> started;
  std::vector<Admission::Expired> expired;
  admission.Request(From(1), AtSeconds(1));
  const Admission::Offer offer = admission.Request(From(2), AtSeconds(1));
  ASSERT_EQ(offer.what, Admission::Offer::kWait);
  const Time next = admission.NextTime();
  EXPECT_GT(next, AtSeconds(1));
  EXPECT_LE(next, AtSeconds(1) + AdmissionOptions{}.level.first_token_max);
  admission.Poll(next - Duration(1), started, expired);
  EXPECT_TRUE(expired.empty());
  admission.Poll(next, started, expired);
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].id, offer.id);
  EXPECT_EQ(expired[0].refusal, Refusal::kDeadlineUnreachable);
  EXPECT_EQ(admission.NextTime(), Time::max());
  EXPECT_EQ(admission.counters().waiting, 0u);
}

TEST(Admission, WhoeverLeavesTheQueueMakesRoom) {
  Admission admission(Narrow());
  std::vector<TicketId> started;
  std::vector<Admission::Expired> expired;
  const Admission::Offer first = admission.Request(From(1), AtSeconds(1));
  const Admission::Offer second = admission.Request(From(2), AtSeconds(1));
  const Admission::Offer third = admission.Request(From(3), AtSeconds(1));
  EXPECT_EQ(admission.Wait(third.id, AtSeconds(1)).place, 2u);
  admission.OnFinish(second.id, 0, Ending::kAbandoned, AtSeconds(2));
  EXPECT_EQ(admission.Wait(third.id, AtSeconds(2)).place, 1u);
  admission.OnFinish(first.id, 10, Ending::kServed, AtSeconds(3));
  admission.Poll(AtSeconds(3), started, expired);
  EXPECT_EQ(started, std::vector<TicketId>{third.id});
  EXPECT_EQ(admission.Wait(third.id, AtSeconds(3)).place, 0u);
  EXPECT_EQ(admission.Find(third.id).client, 3u);
}

RequestFacts Choices(std::uint64_t account, std::uint16_t choices) {
  RequestFacts facts = From(account);
  facts.choices = choices;
  return facts;
}

TEST(Admission, SeveralAnswersCostAndCountAsSeveral) {
  AdmissionOptions options = Narrow();
  options.in_flight_initial = 8;
  options.queue_per_client_max = 4;
  options.is_deadline_aware = false;
  Admission admission(options);
  std::vector<TicketId> started;
  std::vector<Admission::Expired> expired;
  const TicketId five = admission.Request(Choices(1, 5), AtSeconds(1)).id;
  EXPECT_EQ(admission.counters().in_flight, 5u);
  // A prompt of 100 tokens, and five answers of ten.
  EXPECT_EQ(admission.Find(five).predicted_cost, 100 + 2.0 * 5 * 10);
  // Four more have no place, three have.
  const Admission::Offer four = admission.Request(Choices(2, 4), AtSeconds(1));
  EXPECT_EQ(four.what, Admission::Offer::kWait);
  EXPECT_EQ(admission.Request(From(2), AtSeconds(1)).refusal, Refusal::kYourConcurrency);
  admission.Poll(AtSeconds(1), started, expired);
  EXPECT_TRUE(started.empty());
  admission.OnFirstToken(five, AtSeconds(2));
  admission.OnFinish(five, 50, Ending::kServed, AtSeconds(3));
  admission.Poll(AtSeconds(3), started, expired);
  EXPECT_EQ(started, std::vector<TicketId>{four.id});
  EXPECT_EQ(admission.counters().in_flight, 4u);
  // What it learns is the length of one.
  EXPECT_EQ(admission.counters().output_error, 0);
  admission.OnFinish(four.id, 0, Ending::kAbandoned, AtSeconds(4));
  EXPECT_EQ(admission.counters().in_flight, 0u);
}

TEST(Admission, MoreAnswersThanTheLimitStartAlone) {
  AdmissionOptions options = Narrow();
  options.in_flight_initial = 2;
  Admission admission(options);
  std::vector<TicketId> started;
  std::vector<Admission::Expired> expired;
  const TicketId one = admission.Request(From(1), AtSeconds(1)).id;
  const TicketId many = admission.Request(Choices(2, 3), AtSeconds(1)).id;
  admission.Poll(AtSeconds(1), started, expired);
  EXPECT_TRUE(started.empty());
  admission.OnFinish(one, 10, Ending::kServed, AtSeconds(2));
  admission.Poll(AtSeconds(2), started, expired);
  EXPECT_EQ(started, std::vector<TicketId>{many});
  EXPECT_EQ(admission.counters().in_flight, 3u);
}

TEST(Admission, RefusesAtOnceMoreAnswersThanCouldEverBeLetIn) {
  AdmissionOptions options;
  options.in_flight_initial = 8;
  options.in_flight_max = 16;
  Admission admission(options);
  EXPECT_EQ(admission.Request(Choices(1, 17), AtSeconds(1)).refusal, Refusal::kYourConcurrency);
  EXPECT_EQ(admission.Request(Choices(1, 17), AtSeconds(1)).retry_after, Duration(0));
  admission.OnEngineReport({.sequences_max = 4}, AtSeconds(2));
  EXPECT_EQ(admission.Request(Choices(1, 5), AtSeconds(3)).refusal, Refusal::kYourConcurrency);
  EXPECT_EQ(admission.Request(Choices(1, 4), AtSeconds(3)).what, Admission::Offer::kStart);
}

TEST(Admission, OneClientHasAtMostItsOwnNumberOfAnswers) {
  AdmissionOptions options = Narrow();
  options.in_flight_initial = 3;
  options.per_client_max = 6;
  options.queue_per_client_max = 6;
  options.is_deadline_aware = false;
  Admission admission(options);
  const TicketId first = admission.Request(Choices(1, 2), AtSeconds(1)).id;
  RequestFacts batch = Choices(1, 2);
  batch.is_batch = true;
  EXPECT_EQ(admission.Request(batch, AtSeconds(1)).what, Admission::Offer::kWait);
  const Admission::Offer third = admission.Request(Choices(1, 2), AtSeconds(1));
  EXPECT_EQ(third.what, Admission::Offer::kWait);
  const double pressure = admission.counters().pressure;
  const Admission::Offer over = admission.Request(From(1), AtSeconds(1));
  EXPECT_EQ(over.refusal, Refusal::kYourConcurrency);
  EXPECT_GE(over.retry_after, seconds(1));
  EXPECT_EQ(admission.counters().pressure, pressure);
  EXPECT_EQ(admission.Request(From(2), AtSeconds(1)).what, Admission::Offer::kWait);
  // Never, whatever ends.
  EXPECT_EQ(admission.Request(Choices(3, 7), AtSeconds(1)).retry_after, Duration(0));
  admission.OnFinish(first, 20, Ending::kServed, AtSeconds(2));
  admission.OnFinish(third.id, 0, Ending::kAbandoned, AtSeconds(2));
  EXPECT_EQ(admission.Request(Choices(1, 3), AtSeconds(2)).what, Admission::Offer::kWait);
}

// Whoever starts by a clock floats above the limit; not above what there are tickets for.
TEST(Admission, HasATicketForWhoeverMayStartOrWait) {
  AdmissionOptions options;
  options.in_flight_initial = options.in_flight_max = 4;
  options.queue_max = 1;
  options.is_deadline_aware = false;
  Admission admission(options);
  std::vector<TicketId> started;
  std::vector<Admission::Expired> expired;
  std::uint64_t account = 0;
  for (int i = 0; i < 200; ++i) {
    const Time now = AtSeconds(1 + 0.1 * i);
    const Admission::Offer offer = admission.Request(From(++account), now);
    if (offer.what == Admission::Offer::kStart) admission.OnFirstToken(offer.id, now);
    started.clear();
    admission.Poll(now, started, expired);
    for (const TicketId id : started) admission.OnFirstToken(id, now);
  }
  EXPECT_EQ(admission.counters().in_flight, 4u);
  EXPECT_EQ(admission.counters().waiting, 1u);
}

// A gateway's events race: an answer may end while its client gives up, or after its wait ended.
TEST(Admission, IgnoresWhatComesLateOrTwice) {
  Admission admission(Narrow());
  std::vector<TicketId> started;
  std::vector<Admission::Expired> expired;
  const TicketId runs = admission.Request(From(1), AtSeconds(1)).id;
  const TicketId waits = admission.Request(From(2), AtSeconds(1)).id;
  EXPECT_FALSE(admission.OnFirstToken(waits, AtSeconds(1)));
  EXPECT_TRUE(admission.OnFirstToken(runs, AtSeconds(2)));
  EXPECT_FALSE(admission.OnFirstToken(runs, AtSeconds(2)));
  admission.Poll(AtSeconds(60), started, expired);
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_FALSE(admission.OnFirstToken(waits, AtSeconds(60)));
  EXPECT_FALSE(admission.OnFinish(waits, 0, Ending::kAbandoned, AtSeconds(60)));
  EXPECT_TRUE(admission.OnFinish(runs, 10, Ending::kServed, AtSeconds(61)));
  EXPECT_FALSE(admission.OnFinish(runs, 10, Ending::kServed, AtSeconds(61)));
  // The place is taken again: its earlier ticket names nobody.
  const TicketId next = admission.Request(From(3), AtSeconds(62)).id;
  EXPECT_EQ(static_cast<std::uint32_t>(next), static_cast<std::uint32_t>(runs));
  EXPECT_FALSE(admission.OnFinish(runs, 10, Ending::kServed, AtSeconds(62)));
  for (const TicketId unknown : {TicketId{0}, runs, TicketId{1} << 40, ~TicketId{0}}) {
    EXPECT_FALSE(admission.OnFinish(unknown, 0, Ending::kServed, AtSeconds(62)));
    EXPECT_EQ(admission.Wait(unknown, AtSeconds(62)).place, 0u);
    EXPECT_EQ(admission.Find(unknown).id, 0u);
  }
  EXPECT_EQ(admission.counters().in_flight, 1u);
}

TEST(Admission, TakesATimeThatGoesBackForTheLatest) {
  Admission admission(Narrow());
  std::vector<TicketId> started;
  std::vector<Admission::Expired> expired;
  const TicketId runs = admission.Request(From(1), AtSeconds(10)).id;
  const TicketId waits = admission.Request(From(2), AtSeconds(9)).id;
  EXPECT_EQ(admission.Find(waits).arrival, AtSeconds(10));
  admission.OnFirstToken(runs, AtSeconds(8));
  EXPECT_EQ(admission.Wait(waits, AtSeconds(1)).place, 1u);
  admission.OnFinish(runs, 10, Ending::kServed, AtSeconds(7));
  admission.Poll(AtSeconds(6), started, expired);
  EXPECT_EQ(started, std::vector<TicketId>{waits});
  EXPECT_EQ(admission.Find(waits).start, AtSeconds(10));
}

TEST(Admission, ComesDownTheLadderWithoutAnyTraffic) {
  StubScenario scenario{.crowds = {Crowd(20)}, .seconds = 45};
  scenario.crowds[0].end_s = 15;
  Rung highest = Rung::kOpen;
  scenario.watch = [&](double, const AdmissionCounters&, Rung rung) {
    highest = std::max(highest, rung);
  };
  EXPECT_EQ(StubService(scenario).Run().rung, Rung::kOpen);
  EXPECT_GE(highest, Rung::kNoAnonymous);
}

}  // namespace
}  // namespace holdfast::guard
