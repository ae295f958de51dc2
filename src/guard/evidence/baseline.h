// What is ordinary here: how many clients of each kind are about, and how they behave given the
// occasion. Learned in quiet time (ClusterTable), and kept over a restart; the values below are
// where a service without a past begins. Value type.
#pragma once

#include <array>

#include "guard/evidence/features.h"

namespace holdfast::guard {

// Shares of clients, given the occasion, on one surface; within [0.01, 0.99].
struct Conduct {
  double paged = 0.9;
  double dwelt = 0.9;
  double read = 0.9;
  double thought = 0.8;
  double overlapped = 0.05;
  double ignored = 0.2;
  double cut_short = 0.1;
  double costly = 0.05;
  double echoed = 0.03;
  double repeated = 0.04;
  double guessed = 0.1;
  double stalled = 0.02;
  double gap_deviation = 1.6;  // Of log2 of the time between a client's requests.
};

// Newcomer or not, standing, route of entering, came by a page or not.
inline constexpr int kDoorCount = 2 * kStandingCount * kRouteCount * 2;

constexpr int DoorIndex(bool is_newcomer, Standing standing, Route entry, bool is_paged) {
  const int who = (is_newcomer ? 1 : 0) * kStandingCount + static_cast<int>(standing);
  return (who * kRouteCount + static_cast<int>(entry)) * 2 + (is_paged ? 1 : 0);
}

struct Baseline {
  std::array<Conduct, kSurfaceCount> conduct = {
      Conduct{},
      Conduct{.paged = 0.05, .thought = 0.3, .overlapped = 0.4, .ignored = 0.7, .costly = 0.15},
      Conduct{}};
  double epochs = 0;          // How many it was learned from; 0: nothing known.
  double clients_of_day = 0;  // Clients of all doors, a mean over about a day of quiet time.
};

}  // namespace holdfast::guard
