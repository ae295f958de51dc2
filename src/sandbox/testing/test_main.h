// The main of a test program that is its own sandbox's child. Tests only.
#pragma once

#include <gtest/gtest.h>

#include "sandbox/child.h"

namespace holdfast::sandbox::testing {

inline int TestMain(int argc, char** argv, JobTable jobs) {
  if (IsChild(argc, argv)) RunChild(argv, jobs);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

}  // namespace holdfast::sandbox::testing
