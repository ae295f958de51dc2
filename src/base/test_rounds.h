// TestRounds: how long a property test looks: `usual` rounds in every run, and HOLDFAST_TEST_EFFORT
// times as many in the slow tests. Thread-safe.
#pragma once

#include <algorithm>
#include <cstdlib>

namespace holdfast {

inline int TestRounds(int usual) {
  const char* const effort = std::getenv("HOLDFAST_TEST_EFFORT");
  return effort == nullptr ? usual : usual * std::max(std::atoi(effort), 1);
}

}  // namespace holdfast
