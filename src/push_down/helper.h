// Helper: a child process that may tell the kernel what to drop, and can do nothing else: of all
// rights it keeps CAP_NET_ADMIN, and it knows two commands, add and remove (command.h), over a
// socket pair. Whoever takes over the process that asks it gains no more than to have addresses
// dropped, for minutes, which are neither this machine's nor in a network that it was told at its
// start.
//
//   Start ─fork─▶ child: drops rights ─▶ makes the table ─▶ "ok" ─▶ a command, an answer, ... ─▶
//   end
//
// Start before there are threads or secrets: the child is a copy of the process as it is then. It
// ends with its parent, and takes the kernel's table with it. Thread-compatible; a command waits
// for its answer, at most kAnswerMax.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "push_down/command.h"

namespace holdfast::push_down {

struct HelperOptions {
  int port = 0;  // The one TCP port whose packets are dropped; 0: every one of this machine.
  std::vector<Network> never;  // What is never dropped: trusted proxies.
};

class Helper {
 public:
  static constexpr std::chrono::seconds kAnswerMax{2};

  // Errors: kPermissionDenied (this process has not the right), kUnavailable (no nftables), and
  // those of the system.
  [[nodiscard]] static Result<Helper> Start(const HelperOptions& options);
  ~Helper();
  Helper(Helper&& other) noexcept;
  Helper& operator=(Helper&&) = delete;

  // Errors: kPermissionDenied (one that is never dropped), kUnavailable (the kernel does not);
  // kFailedPrecondition, kDeadlineExceeded: the child has ended, and nothing can be done any more.
  [[nodiscard]] Result<void> Do(const Command& command);
  pid_t pid() const { return pid_; }

 private:
  Helper(int socket, pid_t pid) : socket_(socket), pid_(pid) {}
  Result<void> ReadAnswer();

  int socket_;
  pid_t pid_;
};

}  // namespace holdfast::push_down
