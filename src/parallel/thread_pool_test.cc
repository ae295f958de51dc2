#include "parallel/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
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

// With many more workers than CPUs most are asleep; none of them may hold up a job.
TEST(ThreadPool, TasksSeeTheirOwnJobAlone) {
  ThreadPool pool(16);
  std::vector<int> hits(64);
  for (int job = 1; job <= 2000; ++job) {
    const int tasks = 2 + job % 63;
    std::fill(hits.begin(), hits.end(), 0);
    pool.Run(tasks, [&, job](std::int64_t task, int) { hits[task] += job; });
    for (int task = 0; task < tasks; ++task) ASSERT_EQ(hits[task], job);
    for (std::size_t task = tasks; task < hits.size(); ++task) ASSERT_EQ(hits[task], 0);
  }
}

TEST(ThreadPool, TasksStartInRisingOrder) {
  ThreadPool pool(3);
  std::atomic<std::int64_t> started{0};
  pool.Run(500, [&](std::int64_t task, int) {
    // A task may start late, but at most one a worker is ahead of the count.
    EXPECT_GE(started.fetch_add(1) + 3, task);
  });
}

}  // namespace
}  // namespace holdfast::parallel
