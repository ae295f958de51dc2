#include "server/process_signals.h"

#include <pthread.h>

namespace holdfast::server {

ProcessSignals::ProcessSignals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigemptyset(&set_);
  sigaddset(&set_, SIGTERM);
  sigaddset(&set_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
}

int ProcessSignals::Wait() {
  int signal = 0;
  sigwait(&set_, &signal);
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &set_, nullptr);
  return signal;
}

}  // namespace holdfast::server
