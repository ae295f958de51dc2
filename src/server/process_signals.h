// ProcessSignals: SIGTERM and SIGINT as something the main thread waits for. Made before any other
// thread, so that none of them is interrupted. One a process.
//
// EndsOnSignal: while it lives, one of them ends the process at once, for times when the main
// thread is busy with work that leaves nothing behind.
#pragma once

#include <csignal>
#include <thread>

namespace holdfast::server {

class ProcessSignals {
 public:
  // Blocks the signals, and ignores SIGPIPE: a peer that leaves is an error of the write.
  ProcessSignals();
  ProcessSignals(const ProcessSignals&) = delete;
  ProcessSignals& operator=(const ProcessSignals&) = delete;

  // Waits for SIGTERM or SIGINT. From then on a second one ends the process at once.
  int Wait();

  const sigset_t& set() const { return set_; }

 private:
  sigset_t set_;
};

class EndsOnSignal {
 public:
  // The process ends with code 0, as after any stop that was asked for.
  explicit EndsOnSignal(const ProcessSignals& signals);
  // A signal that comes from now on is ProcessSignals' again.
  ~EndsOnSignal();
  EndsOnSignal(const EndsOnSignal&) = delete;
  EndsOnSignal& operator=(const EndsOnSignal&) = delete;

 private:
  std::thread watcher_;
};

}  // namespace holdfast::server
