#include "sandbox/job.h"

#include <algorithm>

namespace holdfast::sandbox {

const Job* FindJob(JobTable jobs, std::string_view name) {
  const auto found = std::ranges::find(jobs, name, &Job::name);
  return found == jobs.end() ? nullptr : &*found;
}

}  // namespace holdfast::sandbox
