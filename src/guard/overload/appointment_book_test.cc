#include "guard/overload/appointment_book.h"

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr auto kClass = ServiceClass::kNew;

struct Shelf {
  AppointmentBook::Request Of(std::uint64_t client, double cost, double rate = 10) {
    return {.service_class = kClass,
            .client = clients.Find(client, kClass, 0, Time{}),
            .cost = cost,
            .rate = rate};
  }
  ClientTable clients{1024};
  AppointmentBook book{minutes(10), clients};
};

TEST(AppointmentBook, PutsOneBehindTheOtherAsFastAsTheyAreWorkedOn) {
  Shelf shelf;
  EXPECT_FALSE(shelf.book.IsOpen(kClass, AtSeconds(100)));
  EXPECT_EQ(shelf.book.Make(shelf.Of(1, 50), 0, AtSeconds(100)), seconds(5));
  EXPECT_EQ(shelf.book.Make(shelf.Of(2, 20), 0, AtSeconds(100)), seconds(7));
  EXPECT_EQ(shelf.book.Make(shelf.Of(3, 20), 3, AtSeconds(101)), seconds(11));
  EXPECT_TRUE(shelf.book.IsOpen(kClass, AtSeconds(108)));
  EXPECT_FALSE(shelf.book.IsOpen(kClass, AtSeconds(109)));
  EXPECT_FALSE(shelf.book.IsOpen(ServiceClass::kHistory, AtSeconds(101)));
}

// Twice the rate halves the places to come, it does not move the ones that were given.
TEST(AppointmentBook, ASwingOfCapacityPutsNobodyAtATakenTime) {
  Shelf shelf;
  EXPECT_EQ(shelf.book.Make(shelf.Of(1, 1000, 10), 0, AtSeconds(0)), seconds(100));
  EXPECT_EQ(shelf.book.Make(shelf.Of(2, 100, 20), 0, AtSeconds(0)), seconds(105));
}

TEST(AppointmentBook, AClientHasOneAtATime) {
  Shelf shelf;
  EXPECT_EQ(shelf.book.Make(shelf.Of(1, 50), 0, AtSeconds(0)), seconds(5));
  EXPECT_EQ(shelf.book.Make(shelf.Of(1, 50), 0, AtSeconds(2)), seconds(3));
  EXPECT_EQ(shelf.book.Make(shelf.Of(2, 10), 0, AtSeconds(2)), seconds(4));
}

TEST(AppointmentBook, GivenUpItMakesTheBookShorter) {
  Shelf shelf;
  shelf.book.Make(shelf.Of(1, 50), 0, AtSeconds(0));
  shelf.book.Forfeit(shelf.Of(1, 0));
  shelf.book.Forfeit(shelf.Of(1, 0));
  EXPECT_FALSE(shelf.book.IsOpen(kClass, AtSeconds(0)));
  EXPECT_EQ(shelf.book.Make(shelf.Of(2, 20), 0, AtSeconds(0)), seconds(2));
}

TEST(AppointmentBook, IsKeptWithinAMinute) {
  Shelf shelf;
  const AppointmentBook::Request request = shelf.Of(1, 50);
  shelf.book.Make(request, 0, AtSeconds(0));
  const Client& client = shelf.clients[request.client];
  const struct {
    double at_s;
    bool comes_when_told;
  } cases[] = {{0, false}, {4.9, false}, {5, true}, {65, true}, {65.1, false}};
  for (const auto& c : cases) {
    EXPECT_EQ(AppointmentBook::ComesWhenTold(client.invited_at, AtSeconds(c.at_s)),
              c.comes_when_told);
  }
  EXPECT_FALSE(AppointmentBook::ComesWhenTold(Time{}, AtSeconds(10)));
}

// Long ones have the same chance of the last place as short ones.
TEST(AppointmentBook, WhenFullTellsItsLengthAndGivesNoPlace) {
  Shelf shelf;
  shelf.book.Make(shelf.Of(1, 5990), 0, AtSeconds(0));
  const AppointmentBook::Request last = shelf.Of(2, 500);
  EXPECT_EQ(shelf.book.Make(last, 0, AtSeconds(0)), minutes(10) - Duration(1));
  EXPECT_TRUE(AppointmentBook::HasPlace(shelf.clients[last.client]));
  const AppointmentBook::Request beyond = shelf.Of(3, 1);
  EXPECT_EQ(shelf.book.Make(beyond, 0, AtSeconds(1)), minutes(10));
  EXPECT_FALSE(AppointmentBook::HasPlace(shelf.clients[beyond.client]));
  // It gets shorter by itself.
  const AppointmentBook::Request later = shelf.Of(4, 1);
  EXPECT_LT(shelf.book.Make(later, 0, AtSeconds(60)), minutes(10));
  EXPECT_TRUE(AppointmentBook::HasPlace(shelf.clients[later.client]));
}

TEST(AppointmentBook, ASecondIsTheLeastThatIsTold) {
  Shelf shelf;
  EXPECT_EQ(shelf.book.Make(shelf.Of(1, 0.001), 0, AtSeconds(0)), seconds(1));
  EXPECT_EQ(shelf.book.Make(shelf.Of(2, 1e300, 1e-300), 1e300, AtSeconds(0)), minutes(10));
}

}  // namespace
}  // namespace holdfast::guard
