// ProcessSignals: SIGTERM and SIGINT as something the main thread waits for. Made before any other
// thread, so that none of them is interrupted. One a process.
#pragma once

#include <csignal>

namespace holdfast::server {

class ProcessSignals {
 public:
  // Blocks the signals, and ignores SIGPIPE: a peer that leaves is an error of the write.
  ProcessSignals();
  ProcessSignals(const ProcessSignals&) = delete;
  ProcessSignals& operator=(const ProcessSignals&) = delete;

  // Waits for SIGTERM or SIGINT. From then on a second one ends the process at once.
  int Wait();

 private:
  sigset_t set_;
};

}  // namespace holdfast::server
