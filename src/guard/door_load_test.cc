// The Door over virtual time, before an engine with continuous batching: what it promises under
// load, to those who do as they are told.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "guard/door.h"
#include "guard/overload/stub_service.h"

namespace holdfast::guard {
namespace {

constexpr double kCapacity = 23;  // Of the stub's engine, ordinary requests a second.

// The Door with the calls of Admission. As in service, likeness is not enforced.
class DoorFront {
 public:
  explicit DoorFront(const AdmissionOptions& options) : door_(Options(options)) {}

  Admission::Offer Request(const RequestFacts& facts, Time now) {
    const Door::Word word = door_.Admit(facts, now);
    return {.what = static_cast<Admission::Offer::What>(word.what),
            .id = word.id,
            .refusal = word.refusal,
            .retry_after = word.retry_after,
            .wait = word.wait};
  }
  void Poll(Time now, std::vector<TicketId>& started, std::vector<Admission::Expired>& expired) {
    expired_.clear();
    door_.Poll(now, started, expired_);
    for (const Door::Expired& each : expired_) {
      expired.push_back({each.id, each.refusal, each.retry_after});
    }
  }
  Time NextTime() const { return door_.NextTime(); }
  void OnFirstToken(TicketId id, Time now) { door_.OnFirstToken(id, now); }
  void OnFinish(TicketId id, std::uint32_t output_tokens, Ending ending, Time now) {
    door_.End(id, {.time = now, .caller = {}, .ending = ending, .output_tokens = output_tokens});
  }
  void OnEngineReport(const EngineReport& report, Time now) { door_.OnEngineReport(report, now); }
  AdmissionCounters counters() const { return door_.counters().admission; }
  Rung rung() const { return door_.counters().rung; }

 private:
  static DoorOptions Options(const AdmissionOptions& admission) {
    DoorOptions options;
    options.admission = admission;
    options.limits = ServiceLimits();
    options.enforces_likeness = false;
    return options;
  }

  Door door_;
  std::vector<Door::Expired> expired_;
};
static_assert(static_cast<int>(Door::Word::kStart) == static_cast<int>(Admission::Offer::kStart));
static_assert(static_cast<int>(Door::Word::kRefuse) == static_cast<int>(Admission::Offer::kRefuse));

using DoorService = BasicStubService<DoorFront>;

StubCrowd Crowd(double load) { return {.rate = load * kCapacity, .clients = 20'000}; }

double Quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

double Inside(const StubResult& result) {
  const auto inside = std::ranges::count_if(result.waits, [](const StubResult::Wait& wait) {
    return wait.real >= wait.low && wait.real <= wait.high;
  });
  return static_cast<double>(inside) / static_cast<double>(result.waits.size());
}

struct LoadCase {
  const char* name;
  double load;
  bool has_reports;
  bool counts_tokens;
};
class DoorUnderLoad : public testing::TestWithParam<LoadCase> {};

// For half a minute a crowd comes at so many times what the engine takes, on top of what is usual;
// each of them comes again when told, up to three times.
TEST_P(DoorUnderLoad, WhoeverComesBackWhenToldIsTaken) {
  const LoadCase& c = GetParam();
  StubScenario scenario{.crowds = {Crowd(0.7), Crowd(c.load)}, .seconds = 700};
  scenario.measured_from_s = 40;
  scenario.has_reports = c.has_reports;
  scenario.counts_tokens = c.counts_tokens;
  StubCrowd& crowd = scenario.crowds[1];
  crowd.first_client = 1'000'000;
  crowd.clients = 1'000'000;
  crowd.start_s = 40;
  crowd.end_s = 70;
  crowd.retries = 3;
  crowd.is_patient = true;
  const StubResult result = DoorService(scenario).Run();
  const StubResult::Crowd& told = result.crowds[1];
  const double taken =
      static_cast<double>(told.retries_told_met) / static_cast<double>(told.retries_told);
  RecordProperty("taken_percent", static_cast<int>(100 * taken));
  EXPECT_GT(told.retries_told, 1000u);
  EXPECT_GE(taken, 0.85);
  EXPECT_LE(static_cast<double>(told.refused), 0.02 * static_cast<double>(told.people));
}

TEST_P(DoorUnderLoad, WhatIsPromisedIsKept) {
  const LoadCase& c = GetParam();
  StubScenario scenario{.crowds = {Crowd(c.load)}, .seconds = 90};
  scenario.has_reports = c.has_reports;
  scenario.counts_tokens = c.counts_tokens;
  const StubResult result = DoorService(scenario).Run();
  const StubResult::Crowd& crowd = result.crowds[0];
  // Who is let in has a first token within what is promised, and the engine is not left idle.
  EXPECT_LE(Quantile(result.first_tokens, 0.99), ToSeconds(scenario.options.level.first_token_max));
  EXPECT_LE(crowd.late, crowd.good / 100);
  EXPECT_GE(static_cast<double>(crowd.good), 0.93 * 60 * kCapacity);
  // Nine in ten waits are within the bounds that were told.
  EXPECT_GE(Inside(result), 0.85);
  EXPECT_LE(crowd.expired, crowd.people / 100);
}

// An overload that does not end, by twenty times more callers than the table of clients holds: the
// book of appointments is full, and whoever is in it is taken all the same.
TEST_P(DoorUnderLoad, AppointmentsAreKeptWhileAnOverloadLasts) {
  const LoadCase& c = GetParam();
  StubScenario scenario{.crowds = {Crowd(c.load)}, .seconds = 1500};
  scenario.measured_from_s = 60;
  scenario.has_reports = c.has_reports;
  scenario.counts_tokens = c.counts_tokens;
  scenario.crowds[0].clients = 1'000'000'000;
  scenario.crowds[0].retries = 3;
  scenario.crowds[0].is_patient = true;
  const StubResult result = DoorService(scenario).Run();
  const StubResult::Crowd& told = result.crowds[0];
  const double taken =
      static_cast<double>(told.retries_told_met) / static_cast<double>(told.retries_told);
  RecordProperty("taken_percent", static_cast<int>(100 * taken));
  EXPECT_GT(told.retries_told, 10'000u);
  EXPECT_GE(taken, 0.85);
  EXPECT_GE(static_cast<double>(told.good), 0.93 * 1440 * kCapacity);
}

// Fifty times what the engine takes, from strangers who look like everybody else; half of them have
// old accounts. Who was served in the quiet minute before goes on as if nothing were.
TEST(Door, WhoWasServedInQuietTimeIsServedInAFlood) {
  StubScenario scenario{.crowds = {Crowd(0.6), Crowd(25), Crowd(25)}, .seconds = 180};
  scenario.measured_from_s = 90;
  scenario.has_reports = true;
  scenario.crowds[0].clients = 100;
  scenario.crowds[0].end_s = 170;
  scenario.crowds[0].standing = Standing::kAnonymous;
  scenario.crowds[1].standing = Standing::kAnonymous;
  scenario.crowds[1].first_client = 1'000'000;
  scenario.crowds[2].first_client = 2'000'000;
  for (std::size_t flood : {1, 2}) {
    scenario.crowds[flood].start_s = 90;
    scenario.crowds[flood].end_s = 170;
  }
  const StubResult result = DoorService(scenario).Run();
  const StubResult::Crowd& people = result.crowds[0];
  EXPECT_GT(people.people, 1000u);
  // But for the first seconds: capacity has never shown before.
  EXPECT_GE(static_cast<double>(people.good), 0.96 * static_cast<double>(people.people));
  EXPECT_LE(static_cast<double>(people.refused), 0.04 * static_cast<double>(people.people));
  EXPECT_LE(Quantile(people.first_tokens, 0.5), 0.25);
  EXPECT_LE(Quantile(people.first_tokens, 0.99), 1);
  // What they leave, the others have.
  const double others = static_cast<double>(result.crowds[1].good + result.crowds[2].good);
  EXPECT_GE(others, 0.25 * 80 * kCapacity);
}

INSTANTIATE_TEST_SUITE_P(Door, DoorUnderLoad,
                         testing::Values(LoadCase{"5x", 5, true, true},
                                         LoadCase{"10x", 10, true, true},
                                         LoadCase{"5x_without_reports", 5, false, true},
                                         LoadCase{"5x_by_bytes_without_reports", 5, false, false},
                                         LoadCase{"10x_by_bytes", 10, true, false}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace holdfast::guard
