#include "parallel/thread_pool.h"

#include <algorithm>
#include <type_traits>

#include <sched.h>

namespace holdfast::parallel {
namespace {

// About 20 microseconds on the machines we measured: longer than the gap between two loops of one
// decode step, far shorter than a scheduler tick.
constexpr int kSpinRounds = 2000;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

int UsableCpuCount() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

ThreadPool::ThreadPool(int worker_count)
    : worker_count_(worker_count > 0 ? worker_count : UsableCpuCount()) {
  for (int worker = 1; worker < worker_count_; ++worker) {
    threads_.emplace_back([this, worker] { WorkerLoop(worker); });
  }
}

ThreadPool::~ThreadPool() {
  is_stopping_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
}

void ThreadPool::RunErased(std::int64_t task_count, void* context, Call call) {
  // No task is untaken or unfinished here, so no worker reads these.
  task_count_ = task_count;
  context_ = context;
  call_ = call;
  float_mode_ = CurrentFloatMode();
  unfinished_.store(task_count, std::memory_order_relaxed);
  untaken_.store(task_count, std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  TakeTasks(0);
  for (int round = 0;; ++round) {
    const std::int64_t unfinished = unfinished_.load(std::memory_order_acquire);
    if (unfinished == 0) return;
    if (round < kSpinRounds) {
      Pause();
    } else {
      unfinished_.wait(unfinished, std::memory_order_acquire);
    }
  }
}

void ThreadPool::TakeTasks(int worker) {
  FloatMode float_mode = CurrentFloatMode();
  std::int64_t untaken = untaken_.load(std::memory_order_acquire);
  while (untaken > 0) {
    if (!untaken_.compare_exchange_weak(untaken, untaken - 1, std::memory_order_acquire,
                                        std::memory_order_acquire)) {
      continue;
    }
    if (float_mode != float_mode_) SetFloatMode(float_mode = float_mode_);
    call_(context_, task_count_ - untaken, worker);
    // The last one wakes the owner, who may be asleep.
    if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1 && worker != 0) {
      unfinished_.notify_one();
    }
    untaken = untaken_.load(std::memory_order_acquire);
  }
}

void ThreadPool::WorkerLoop(int worker) {
  std::uint32_t seen = 0;
  for (;;) {
    for (int round = 0; generation_.load(std::memory_order_acquire) == seen; ++round) {
      if (round < kSpinRounds) {
        Pause();
      } else {
        generation_.wait(seen, std::memory_order_acquire);
      }
    }
    seen = generation_.load(std::memory_order_acquire);
    if (is_stopping_.load(std::memory_order_relaxed)) return;
    TakeTasks(worker);
  }
}

}  // namespace holdfast::parallel
