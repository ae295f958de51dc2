#include "guard/entrance/lock_step.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

constexpr std::uint64_t kCommon = 1;   // Of 40 % of people.
constexpr std::uint64_t kProgram = 2;  // Of nobody.
constexpr std::uint64_t kRare = 100;   // and above: of few people each.

std::uint64_t PersonsName(Random& random) {
  return random.Uniform() < 0.4 ? kCommon : kRare + random.Next() % 50;
}

// An hour of ordinary days at one sign-up a second.
void LiveOrdinarily(LockStep& names, Random& random) {
  for (int i = 0; i < 3600; ++i) {
    names.Advance(1, AtSeconds(i));
    names.Add(PersonsName(random), true);
  }
}

TEST(LockStep, SeesTheNameThatMakesUpTheSurplus) {
  Random random(1);
  LockStep names;
  LiveOrdinarily(names, random);
  EXPECT_NEAR(names.Evidence(kCommon), 0, 1);
  for (int i = 0; i < 1000; ++i) {
    names.Advance(1, AtSeconds(3600 + i * 0.01));
    names.Add(i % 100 == 0 ? PersonsName(random) : kProgram, false);
  }
  EXPECT_GT(names.Evidence(kProgram), 4);
  EXPECT_LT(names.Evidence(kCommon), -2);
}

TEST(LockStep, ACrowdOfOrdinaryPeopleIsNone) {
  Random random(2);
  LockStep names;
  LiveOrdinarily(names, random);
  for (int i = 0; i < 1000; ++i) {
    names.Advance(1, AtSeconds(3600 + i * 0.01));
    names.Add(PersonsName(random), false);
  }
  EXPECT_NEAR(names.Evidence(kCommon), 0, 0.2);
  for (std::uint64_t name = kRare; name < kRare + 50; ++name) {
    EXPECT_LT(names.Evidence(name), 1.5);
  }
}

TEST(LockStep, MadeUpNamesAreStrangersTogether) {
  Random random(4);
  LockStep names;
  LiveOrdinarily(names, random);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    names.Advance(1, AtSeconds(3600 + static_cast<double>(i) * 0.01));
    names.Add(1'000'000 + i, false);
  }
  EXPECT_GT(names.Evidence(2'000'000), 3);
  EXPECT_LT(names.Evidence(kCommon), -2);
}

TEST(LockStep, AHandfulIsNoEvidence) {
  Random random(3);
  LockStep names;
  LiveOrdinarily(names, random);
  for (int i = 0; i < 4; ++i) names.Add(kProgram, false);
  EXPECT_LE(names.Evidence(kProgram), 0);
  EXPECT_EQ(names.Evidence(0), 0);
}

TEST(LockStep, WithoutExperienceNothingIsEvidence) {
  LockStep names;
  names.Advance(1, AtSeconds(0));
  for (int i = 0; i < 100; ++i) names.Add(kProgram, false);
  EXPECT_EQ(names.Evidence(kProgram), 0);
}

}  // namespace
}  // namespace holdfast::guard
