// Job: a named function from bytes to bytes that reads what strangers made, with what one run of it
// may use. All jobs of a program stand in one table, which both sides know: the parent for the
// limits, the child for the function. Value types; a table is built at compile time.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::sandbox {

struct JobLimits {
  std::size_t input_bytes_max = 0;
  std::size_t output_bytes_max = 0;
  // Beyond what the process has at its start; the input is not counted.
  std::size_t memory_bytes_max = 0;
  std::chrono::seconds processor_time_max{0};
  // From the start of the process to its end; held by the parent.
  std::chrono::milliseconds time_max{0};
};

struct Job {
  std::string_view name;
  // Runs in the child, confined: it computes, and can do nothing else. What it returns as an error
  // is told to whoever sent the input.
  Result<std::string> (*run)(std::string_view input) = nullptr;
  JobLimits limits = {};
};

using JobTable = std::span<const Job>;

// Null: there is no such job.
const Job* FindJob(JobTable jobs, std::string_view name);

}  // namespace holdfast::sandbox
