// ThreadPool: a fixed number of workers for data-parallel loops inside one step. Run() is called
// by one thread at a time (the pool's owner), which works as worker 0; it returns when every task
// is done. It waits for tasks, never for workers: one that is asleep or has lost its CPU to another
// process holds nobody up unless it is in the middle of a task. Between calls workers spin briefly,
// then sleep. Not for blocking work.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

#include "parallel/float_mode.h"

namespace holdfast::parallel {

class ThreadPool {
 public:
  // `worker_count` >= 1, the caller of Run included. 0: one per usable CPU.
  explicit ThreadPool(int worker_count = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int worker_count() const { return worker_count_; }

  // Calls body(task, worker) for task in [0, task_count), tasks handed out in rising order, in the
  // caller's FloatMode.
  template <typename Body>
  void Run(std::int64_t task_count, Body&& body) {
    if (task_count <= 1 || worker_count_ == 1) {
      for (std::int64_t task = 0; task < task_count; ++task) body(task, 0);
      return;
    }
    RunErased(task_count, &body, [](void* context, std::int64_t task, int worker) {
      (*static_cast<std::remove_reference_t<Body>*>(context))(task, worker);
    });
  }

 private:
  using Call = void (*)(void* context, std::int64_t task, int worker);
  void RunErased(std::int64_t task_count, void* context, Call call);
  void WorkerLoop(int worker);
  void TakeTasks(int worker);

  int worker_count_;
  // Tasks of the current job that nobody has taken yet. A worker takes one by lowering it; having
  // one, it may read the job's fields, which stay until all taken tasks are done.
  alignas(64) std::atomic<std::int64_t> untaken_{0};
  // Tasks taken or untaken that are not done; the owner waits for 0.
  alignas(64) std::atomic<std::int64_t> unfinished_{0};
  // Raised with each job; what sleeping workers wait on.
  alignas(64) std::atomic<std::uint32_t> generation_{0};
  std::int64_t task_count_ = 0;
  void* context_ = nullptr;
  Call call_ = nullptr;
  FloatMode float_mode_ = 0;
  std::atomic<bool> is_stopping_{false};
  // Last, so that it is joined before anything its threads read is gone.
  std::vector<std::jthread> threads_;
};

// CPUs this process may run on.
int UsableCpuCount();

}  // namespace holdfast::parallel
