#include "guard/limits/gcra.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

// The definition: a request passes when in no window that ends with it more than burst + window *
// rate requests have passed, written down for every window.
class NaiveLimit {
 public:
  NaiveLimit(Duration interval, Duration tolerance) : interval_(interval), tolerance_(tolerance) {}

  bool Pass(Time now) {
    for (std::size_t i = 0; i < passed_.size(); ++i) {
      const auto count = static_cast<Duration::rep>(passed_.size() - i);
      if (count * interval_ > now - passed_[i] + tolerance_) return false;
    }
    passed_.push_back(now);
    return true;
  }

 private:
  Duration interval_;
  Duration tolerance_;
  std::vector<Time> passed_;
};

TEST(Gcra, AgreesWithTheDefinition) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Gcra gcra({.rate = 0.1 + 20 * random.Uniform(), .burst = 1 + 30 * random.Uniform()});
    NaiveLimit naive(gcra.interval(), gcra.tolerance());
    Time tat = Time::min();
    Time now = AtSeconds(-5);
    const double gap_s = 2 * random.Uniform() * ToSeconds(gcra.interval());
    for (int i = 0; i < 600; ++i) {
      now += FromSeconds(gap_s * random.Uniform() * (i % 100 == 99 ? 50 : 1));
      const bool passes = gcra.Wait(tat, now) == Duration(0);
      ASSERT_EQ(passes, naive.Pass(now)) << "request " << i;
      if (passes) tat = gcra.Charge(tat, now);
    }
  }
}

TEST(Gcra, TellsTheEarliestMomentThatConforms) {
  const Gcra gcra({.rate = 3, .burst = 2});
  Time tat{};
  const Time now = AtSeconds(10);
  tat = gcra.Charge(tat, now);
  tat = gcra.Charge(tat, now);
  const Duration wait = gcra.Wait(tat, now);
  EXPECT_GT(wait, Duration(0));
  EXPECT_EQ(gcra.Wait(tat, now + wait), Duration(0));
  EXPECT_GT(gcra.Wait(tat, now + wait - Duration(1)), Duration(0));
}

TEST(Gcra, AnOldTimeIsAsGoodAsNone) {
  const Gcra gcra({.rate = 1, .burst = 5});
  const Time now = AtSeconds(100);
  EXPECT_EQ(gcra.Charge(AtSeconds(99), now), gcra.Charge(Time::min(), now));
  EXPECT_EQ(gcra.Wait(Time::min(), now), Duration(0));
}

}  // namespace
}  // namespace holdfast::guard
