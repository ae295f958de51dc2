#include "guard/overload/held_places.h"

#include <gtest/gtest.h>

#include "guard/overload/stub_service.h"

namespace holdfast::guard {
namespace {

using StubService = BasicStubService<Admission>;

// A house, and the engine's places in it.
class House {
 public:
  void Pass(double to_s) {
    for (; now_ < to_s; now_ += 0.05) places_.Advance(AtSeconds(now_));
  }
  void Start(bool is_known, std::uint32_t answers) {
    places_.OnStart(is_known, answers, AtSeconds(now_));
  }
  void StartAndWrite(bool is_known, std::uint32_t answers) {
    Start(is_known, answers);
    places_.OnFirstToken(answers);
  }
  // After so many seconds in the engine.
  void Finish(bool is_known, std::uint32_t answers, double stay_s) {
    places_.OnFinish(is_known, true, answers, AtSeconds(now_ - stay_s), AtSeconds(now_));
  }
  // So that they hold as many all the time, for a second each.
  void LiveOn(bool is_known, std::uint32_t answers, double to_s) {
    StartAndWrite(is_known, answers);
    while (now_ < to_s) {
      Pass(now_ + 1);
      Finish(is_known, answers, 1);
      StartAndWrite(is_known, answers);
    }
  }
  // So many are written at once, for no time.
  void ShowPlaces(std::uint32_t answers) {
    StartAndWrite(true, answers);
    Finish(true, answers, 1);
  }
  // How many answers of others may start, one after the other.
  int Room(double limit) const {
    HeldPlaces places = places_;
    int room = 0;
    while (room < 1000 && places.MayStart(false, 1, limit)) {
      places.OnStart(false, 1, AtSeconds(now_));
      ++room;
    }
    return room;
  }

  HeldPlaces places_;
  double now_ = 1;
};

TEST(HeldPlaces, WhatTheKnownUsuallyHoldIsTheirs) {
  House house;
  house.Pass(2);
  EXPECT_GE(house.Room(32), 32) << "where nobody is known nothing is kept";
  house.LiveOn(true, 9, 400);
  house.ShowPlaces(32);
  EXPECT_EQ(house.Room(32), 32 - 9);
  house.Finish(true, 9, 1);
  EXPECT_EQ(house.Room(32), 32 - 9) << "a gap between two answers gives nothing away";
  EXPECT_TRUE(house.places_.MayStart(true, 32, 32));
  house.Pass(800);
  EXPECT_GE(house.Room(32), 32) << "who has left keeps no place";
}

TEST(HeldPlaces, SomeMoreIsKeptWhileOthersHoldTheirsForLong) {
  House house;
  house.Pass(2);
  house.StartAndWrite(false, 3);
  house.LiveOn(true, 9, 400);
  house.ShowPlaces(32);
  EXPECT_EQ(house.Room(32), 32 - 9 - 3 - 3) << "beside three that are there";
}

TEST(HeldPlaces, WhoFindsNoPlaceKeepsItsClaim) {
  House house;
  house.Pass(2);
  house.LiveOn(true, 9, 400);
  house.ShowPlaces(32);
  house.Finish(true, 8, 1);
  for (int i = 0; i < 300; ++i) {
    house.places_.OnMissed(true, AtSeconds(house.now_));
    house.Pass(house.now_ + 1);
  }
  EXPECT_EQ(house.Room(32), 32 - 9);
}

TEST(HeldPlaces, OthersHaveAnEighthAndAlwaysOne) {
  House house;
  house.Pass(2);
  house.LiveOn(true, 64, 1000);
  EXPECT_EQ(house.Room(64), 8);
  EXPECT_EQ(house.Room(4), 1);
  EXPECT_TRUE(house.places_.MayStart(false, 30, 64)) << "as long as they have none";
}

TEST(HeldPlaces, AnEngineThatIsLargerThanWasSeenIsFilledStepByStep) {
  House house;
  house.Pass(2);
  house.LiveOn(true, 4, 400);
  EXPECT_EQ(house.Room(64), 1) << "who has no first token has no place yet";
  int others = 0;
  while (house.places_.MayStart(false, 1, 64) && others < 100) {
    house.StartAndWrite(false, 1);
    ++others;
  }
  EXPECT_EQ(others, 64 - 4);
}

TEST(HeldPlaces, AnEngineThatLetsSomeWaitWhileItWritesTheMostIsFull) {
  House house;
  house.Pass(2);
  house.LiveOn(true, 9, 400);
  house.StartAndWrite(false, 7);
  house.places_.OnQueue(AtSeconds(house.now_));
  EXPECT_EQ(house.Room(64), 1) << "nobody waited in it";
  house.Start(false, 1);
  house.places_.OnQueue(AtSeconds(house.now_));
  EXPECT_EQ(house.Room(64), 0);
  house.Pass(house.now_ + 61);
  house.Finish(false, 7, 61);
  EXPECT_GE(house.Room(64), 4) << "it may have grown";
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
