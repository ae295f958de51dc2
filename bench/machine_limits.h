// What this machine can do at most, measured: the rate at which all workers together read memory
// that no cache holds, and their arithmetic peaks. Benchmarks print their shares of these.
#pragma once

#include "parallel/thread_pool.h"

namespace holdfast::bench {

struct Limits {
  double read_bytes_per_s = 0;
  double f32_flops = 0;   // Fused multiply-add, vectors of the widest kind; 0 if unknown.
  double bf16_flops = 0;  // VDPBF16PS.
  double int8_ops = 0;    // VPDPBUSD.
};

// Takes about a second.
Limits MeasureLimits(parallel::ThreadPool& pool);

}  // namespace holdfast::bench
