// Sandbox: runs a job over a stranger's bytes in a child of its own, which is thrown away after it.
//
//   gateway                                  child: this binary again, one job, then gone
//   input  --- sealed memfd -------------->  descriptor 0, mapped before it is confined
//   output <-- pipe, read up to a limit ---  descriptor 1: a byte that says how it ended, bytes
//
// The child has no other descriptor, no environment, no file, no socket, no other program and no
// second process; see internal/confinement.h. A parser that a file takes over can burn its own time
// and say something wrong, so what it says is checked again by who asked.
//
// Whatever happens, Run returns within the job's time, and the child is dead and reaped by then.
// Thread-safe. Run blocks, and the child is bound to the thread that runs it. At most
// `children_max` run at once and more are refused (kBusy): whoever wants a queue puts a
// net::BlockingPool in front.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/job.h"

namespace holdfast::sandbox {

// Why there is no output.
enum class Ending : std::uint8_t {
  kRefused,         // The job says that the input is malformed, or over a limit of its own.
  kInputTooLarge,   // It was not started.
  kOutputTooLarge,  // It was killed while it wrote.
  kTooSlow,
  kTooMuchMemory,
  kForbidden,   // It was killed for a system call that no job makes.
  kDied,        // Of a signal, or by an exit that no job makes, or its output is no answer.
  kBusy,        // As many as may be run already.
  kStopped,     // By Stop.
  kNotStarted,  // The system let us start or confine no child.
};

struct Failure {
  Ending ending = Ending::kDied;
  // Of kRefused: what the job said, printable and short. Else for the operator.
  Error error;
};

using Output = std::expected<std::string, Failure>;

struct SandboxOptions {
  std::size_t children_max = 2;
};

class Sandbox {
 public:
  // The table of the program that /proc/self/exe is; it must outlive this. What of the confinement
  // this kernel lacks is said in the log.
  [[nodiscard]] static Result<std::unique_ptr<Sandbox>> Open(JobTable jobs,
                                                             const SandboxOptions& options);
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  // The job is in the table.
  [[nodiscard]] Output Run(std::string_view job_name, std::string_view input);

  // Kills what runs, and refuses what comes.
  void Stop();

 private:
  Sandbox(JobTable jobs, const SandboxOptions& options, int stop_fd)
      : jobs_(jobs), options_(options), stop_fd_(stop_fd) {}

  const JobTable jobs_;
  const SandboxOptions options_;
  const int stop_fd_;  // An event that is readable once we are stopped.
  std::atomic<std::size_t> running_ = 0;
};

}  // namespace holdfast::sandbox
