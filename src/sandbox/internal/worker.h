// Worker: a child of a Sandbox as its parent sees it. Dies with its parent, and with this object.
// Single-threaded: the thread that starts it, which must live as long as the child (the kernel ties
// the child to the thread).
#pragma once

#include <chrono>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"

namespace holdfast::sandbox {

// A descriptor that is closed when this goes.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;

  int get() const { return fd_; }
  void Close();

 private:
  int fd_ = -1;  // -1: none.
};

class Worker {
 public:
  // Runs /proc/self/exe for the job with `input`, without an environment.
  [[nodiscard]] static Result<Worker> Start(std::string_view job_name, std::string_view input);
  // Killed and reaped, if it was not.
  ~Worker();
  Worker(Worker&& other) noexcept;
  Worker& operator=(Worker&&) = delete;

  int output_fd() const { return output_.get(); }
  // Readable once it has ended.
  int ended_fd() const { return ended_.get(); }

  void Kill() const;
  // Waits for its end, and returns what waitpid says of it. Once.
  int Reap();

 private:
  Worker(pid_t pid, Descriptor ended, Descriptor output)
      : pid_(pid), ended_(std::move(ended)), output_(std::move(output)) {}

  pid_t pid_ = -1;  // -1: reaped, or moved from.
  Descriptor ended_;
  Descriptor output_;
};

}  // namespace holdfast::sandbox
