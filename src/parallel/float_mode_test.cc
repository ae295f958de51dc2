#include "parallel/float_mode.h"

#include <atomic>
#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "parallel/thread_pool.h"

namespace holdfast::parallel {
namespace {

// Volatile, or the compiler would compute them.
bool ResultIsZero() {
  volatile float smallest_normal = std::numeric_limits<float>::min();
  volatile float half = smallest_normal * 0.5f;
  return half == 0.0f;
}

bool OperandIsZero() {
  volatile float subnormal = std::numeric_limits<float>::denorm_min();
  volatile float product = subnormal * 0x1p100f;
  return product == 0.0f;
}

class FloatModeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (CurrentFloatMode() == 0) GTEST_SKIP() << "this processor has one mode";
  }
};

TEST_F(FloatModeTest, SubnormalsAreZeroWhileAScopeLives) {
  EXPECT_FALSE(ResultIsZero() || OperandIsZero());
  {
    const SubnormalsAreZero outer;
    { const SubnormalsAreZero inner; }
    EXPECT_TRUE(ResultIsZero() && OperandIsZero());
  }
  EXPECT_FALSE(ResultIsZero() || OperandIsZero());
}

TEST_F(FloatModeTest, TasksRunInTheModeOfTheCallerOfRun) {
  for (const int workers : {1, 4}) {
    ThreadPool pool(workers);
    const auto count_zeros = [&] {
      std::atomic<int> zeros{0};
      pool.Run(200, [&](std::int64_t, int) { zeros += ResultIsZero() && OperandIsZero(); });
      return zeros.load();
    };
    for (int round = 0; round < 50; ++round) {
      EXPECT_EQ(count_zeros(), 0);
      const SubnormalsAreZero scope;
      EXPECT_EQ(count_zeros(), 200);
    }
  }
}

}  // namespace
}  // namespace holdfast::parallel
