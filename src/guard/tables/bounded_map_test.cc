#include "guard/tables/bounded_map.h"

#include <algorithm>
#include <map>
#include <utility>

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

// Against std::map over random operations: 40 keys in a map of 24, so that it is often full.
TEST(BoundedMap, AgreesWithAPlainMap) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    BoundedMap<double, int> map(24);
    std::map<std::uint64_t, std::pair<double, int>> plain;
    for (int step = 0; step < 5000; ++step) {
      const std::uint64_t key = random.Next() % 40;
      const double rank = static_cast<double>(random.Next() % 100);
      const auto index = map.Find(key);
      ASSERT_EQ(index != map.kNone, plain.contains(key));
      if (index == map.kNone) {
        double kept = rank;
        if (map.is_full()) {
          kept += map.rank(map.Least());
          plain.erase(map.key(map.Least()));
          map.ReplaceLeast(key, kept, step);
        } else {
          map.Insert(key, rank, step);
        }
        plain[key] = {kept, step};
      } else if (step % 3 == 0) {
        map.Erase(index);
        plain.erase(key);
      } else {
        map.SetRank(index, rank);
        plain[key].first = rank;
      }
      ASSERT_EQ(map.size(), plain.size());
      for (const auto& [name, entry] : plain) {
        const auto found = map.Find(name);
        ASSERT_NE(found, map.kNone);
        ASSERT_EQ(map.rank(found), entry.first);
        ASSERT_EQ(map[found], entry.second);
        ASSERT_LE(map.rank(map.Least()), entry.first);
      }
    }
  }
}

TEST(BoundedMap, MemoryIsTakenAtTheStart) {
  BoundedMap<double, int> map(1000);
  const std::size_t bytes = map.state_bytes();
  for (std::uint64_t key = 1; !map.is_full(); ++key) map.Insert(key, 0, 0);
  EXPECT_EQ(map.size(), 1000);
  EXPECT_EQ(map.state_bytes(), bytes);
}

}  // namespace
}  // namespace holdfast::guard
