#include "server/process_signals.h"

#include <cstdlib>

#include <pthread.h>

#include "base/log.h"

namespace holdfast::server {
namespace {

// Tells the watcher to go; blocked in it, so never anything but a message.
constexpr int kLeave = SIGUSR1;

void Watch(sigset_t set) {
  int signal = 0;
  sigwait(&set, &signal);
  if (signal == kLeave) return;
  log::info("stopped while loading");
  log::Flush();
  std::_Exit(0);
}

}  // namespace

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

EndsOnSignal::EndsOnSignal(const ProcessSignals& signals) {
  sigset_t set = signals.set();
  sigaddset(&set, kLeave);
  // The watcher inherits the mask.
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &set, &before);
  watcher_ = std::thread(Watch, set);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

EndsOnSignal::~EndsOnSignal() {
  pthread_kill(watcher_.native_handle(), kLeave);
  watcher_.join();
}

}  // namespace holdfast::server
