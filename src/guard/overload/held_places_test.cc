#include "guard/overload/held_places.h"

#include <gtest/gtest.h>

#include "guard/overload/stub_service.h"

namespace holdfast::guard {
namespace {

using StubService = BasicStubService<Admission>;

void Pass(HeldPlaces& places, double from_s, double to_s) {
  for (double now = from_s; now < to_s; now += 0.05) places.Advance(AtSeconds(now));
}

// How many answers of others may start, one after the other.
int Room(HeldPlaces places, double limit) {
  int room = 0;
  while (room < 1000 && places.MayStart(false, 1, limit)) {
    places.OnStart(false, 1);
    ++room;
  }
  return room;
}

void StartAndWrite(HeldPlaces& places, bool is_known, std::uint32_t answers) {
  places.OnStart(is_known, answers);
  places.OnFirstToken(answers);
}

TEST(HeldPlaces, WhatTheKnownUsuallyHoldIsTheirs) {
  HeldPlaces places;
  Pass(places, 1, 2);
  EXPECT_GE(Room(places, 32), 32) << "where nobody is known nothing is kept";
  StartAndWrite(places, true, 9);
  StartAndWrite(places, false, 23);
  Pass(places, 2, 400);
  places.OnFinish(false, true, 23);
  EXPECT_EQ(Room(places, 32), 32 - 9 - 3);
  places.OnFinish(true, true, 9);
  EXPECT_EQ(Room(places, 32), 20) << "a gap between two answers gives nothing away";
  EXPECT_TRUE(places.MayStart(true, 32, 32));
  Pass(places, 400, 800);
  EXPECT_GE(Room(places, 32), 32) << "who has left keeps no place";
}

TEST(HeldPlaces, WhoFindsNoPlaceKeepsItsClaim) {
  HeldPlaces places;
  Pass(places, 1, 2);
  StartAndWrite(places, true, 9);
  StartAndWrite(places, false, 23);
  Pass(places, 2, 400);
  places.OnFinish(true, true, 8);
  for (double now = 400; now < 700; now += 1) {
    places.OnMissed(true, AtSeconds(now));
    places.Advance(AtSeconds(now));
  }
  places.OnFinish(false, true, 23);
  EXPECT_EQ(Room(places, 32), 20);
}

TEST(HeldPlaces, OthersHaveAnEighthAndAlwaysOne) {
  HeldPlaces places;
  Pass(places, 1, 2);
  StartAndWrite(places, true, 64);
  Pass(places, 2, 1000);
  EXPECT_EQ(Room(places, 64), 8);
  EXPECT_EQ(Room(places, 4), 1);
  EXPECT_TRUE(places.MayStart(false, 30, 64)) << "as long as they have none, even several at once";
}

TEST(HeldPlaces, AnEngineThatIsLargerThanWasSeenIsFilledStepByStep) {
  HeldPlaces places;
  Pass(places, 1, 2);
  StartAndWrite(places, true, 4);
  Pass(places, 2, 400);
  EXPECT_EQ(Room(places, 64), 1) << "who has no first token has no place yet";
  int others = 0;
  while (places.MayStart(false, 1, 64) && others < 100) {
    StartAndWrite(places, false, 1);
    ++others;
  }
  EXPECT_EQ(others, 64 - 4 - 2);
}

TEST(HeldPlaces, AnEngineThatLetsSomeWaitWhileItWritesTheMostIsFull) {
  HeldPlaces places;
  Pass(places, 1, 2);
  StartAndWrite(places, true, 9);
  StartAndWrite(places, false, 7);
  Pass(places, 2, 400);
  places.OnQueue(AtSeconds(400));
  EXPECT_EQ(Room(places, 64), 1) << "nobody waited in it";
  places.OnStart(false, 1);
  places.OnQueue(AtSeconds(400));
  places.OnFinish(false, true, 7);
  EXPECT_EQ(Room(places, 64), 16 - 9 - 3 - 1);
  Pass(places, 400, 461);
  EXPECT_GT(Room(places, 64), 4) << "it may have grown";
}

// The share of the known who are served well while strangers come whose answers are forty times as
// long, as many as they like.
double KnownServedBesideLongAnswers(bool tells_places) {
  StubScenario scenario{.seconds = 160, .measured_from_s = 60};
  scenario.engine.sequences_max = 32;
  scenario.crowds = {{.rate = 3, .clients = 500},
                     {.rate = 10,
                      .start_s = 60,
                      .clients = 20'000,
                      .first_client = 10'000,
                      .standing = Standing::kAnonymous,
                      .output_mean = 8000}};
  scenario.fault = [tells_places](double, StubEngine&, EngineReport& report) {
    report.sequences_max = tells_places ? 32 : 0;
  };
  const StubResult result = StubService(scenario).Run();
  const StubResult::Crowd& known = result.crowds[0];
  return static_cast<double>(known.good) / static_cast<double>(known.people);
}

TEST(HeldPlaces, LongAnswersOfStrangersLeaveTheKnownTheirs) {
  EXPECT_GE(KnownServedBesideLongAnswers(true), 0.97);   // 0.79 without.
  EXPECT_GE(KnownServedBesideLongAnswers(false), 0.97);  // 0.52 without.
}

}  // namespace
}  // namespace holdfast::guard
