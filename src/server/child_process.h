// ChildProcess: this binary, run again with another verb. Dies with its parent. Owned by one
// thread, the one that starts it, which must live as long as the child (the kernel ties the child
// to the thread).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace holdfast::server {

class ChildProcess {
 public:
  using Variables = std::vector<std::pair<std::string, std::string>>;

  // Runs /proc/self/exe with `arguments` and the environment changed by `variables`, in a process
  // group of its own: a Ctrl-C in the terminal is the parent's business.
  [[nodiscard]] static Result<ChildProcess> Start(const std::vector<std::string>& arguments,
                                                  const Variables& variables);

  // Of a child that is still running: it is killed and waited for.
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ChildProcess& operator=(ChildProcess&& other) noexcept;

  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // How it ended, without waiting: its exit code, or 128 + the signal. nullopt: it runs.
  std::optional<int> TakeExit();

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  void Kill();
  pid_t pid_ = -1;  // -1: ended, or moved from.
};

}  // namespace holdfast::server
