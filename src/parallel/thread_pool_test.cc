#include "parallel/thread_pool.h"

#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::parallel {
namespace {

TEST(ThreadPool, RunsEveryTaskOnce) {
  for (int workers : {1, 2, 4}) {
    ThreadPool pool(workers);
    for (int tasks : {0, 1, 2, 3, 17, 1000}) {
      std::vector<std::atomic<int>> hits(tasks);
      pool.Run(tasks, [&](std::int64_t task, int worker) {
        ASSERT_LT(worker, workers);
        hits[task].fetch_add(1);
      });
      for (auto& hit : hits) EXPECT_EQ(hit.load(), 1);
    }
  }
}

TEST(ThreadPool, ManySmallJobsInARow) {
  ThreadPool pool(3);
  std::atomic<std::int64_t> sum{0};
  for (int job = 0; job < 5000; ++job) {
    pool.Run(3, [&](std::int64_t task, int) { sum.fetch_add(task + 1); });
  }
  EXPECT_EQ(sum.load(), 5000 * 6);
}

}  // namespace
}  // namespace holdfast::parallel
