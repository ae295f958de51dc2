#include "server/guard_clerk.h"

#include <chrono>
#include <utility>

namespace holdfast::server {
namespace {

constexpr std::chrono::milliseconds kRoundWait{500};

}  // namespace

GuardClerk::GuardClerk(std::function<void()> round)
    : round_(std::move(round)), thread_([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          round_();
          std::unique_lock lock(mutex_);
          waiting_.wait_for(lock, stop, kRoundWait, [] { return false; });
        }
      }) {}

void GuardClerk::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace holdfast::server
