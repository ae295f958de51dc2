#include "upstream/idle_connections.h"

#include <algorithm>
#include <utility>

#include "net/asio.h"
#include "net/event.h"

namespace holdfast::upstream {

struct IdleConnections::Tray {
  struct Idle {
    std::unique_ptr<net::Stream> stream;
    net::TimePoint until;
  };
  std::vector<Idle> idle;  // The one used last at the end.
};

std::shared_ptr<IdleConnections::Tray> IdleConnections::FindTray(const net::Executor& executor) {
  const std::lock_guard lock(mutex_);
  std::erase_if(trays_, [](const auto& entry) { return entry.second.expired(); });
  const auto found = std::ranges::find(
      trays_, executor, [](const auto& entry) -> const auto& { return entry.first; });
  return found == trays_.end() ? nullptr : found->second.lock();
}

std::unique_ptr<net::Stream> IdleConnections::Take(const net::Executor& executor) {
  const std::shared_ptr<Tray> tray = FindTray(executor);
  while (tray != nullptr && !tray->idle.empty()) {
    Tray::Idle last = std::move(tray->idle.back());
    tray->idle.pop_back();
    if (last.until > net::Clock::now() && last.stream->IsQuiet()) return std::move(last.stream);
  }
  return nullptr;
}

void IdleConnections::Give(std::unique_ptr<net::Stream> stream) {
  if (count_max_ == 0) return;
  const net::Executor executor = stream->executor();
  std::shared_ptr<Tray> tray = FindTray(executor);
  if (tray == nullptr) {
    tray = std::make_shared<Tray>();
    const std::lock_guard lock(mutex_);
    trays_.emplace_back(executor, tray);
    net::asio::co_spawn(executor, Sweep(tray, idle_time_max_), net::asio::detached);
  }
  if (tray->idle.size() >= count_max_) tray->idle.erase(tray->idle.begin());
  tray->idle.push_back({std::move(stream), net::Clock::now() + idle_time_max_});
}

net::Awaitable<void> IdleConnections::Sweep(std::shared_ptr<Tray> tray,
                                            std::chrono::milliseconds idle_time_max) {
  net::Event never(co_await net::CurrentExecutor());
  bool was_empty = false;
  while (!tray->idle.empty() || !was_empty) {
    was_empty = tray->idle.empty();
    co_await never.Wait(net::Clock::now() + idle_time_max);
    const net::TimePoint now = net::Clock::now();
    std::erase_if(tray->idle, [now](const Tray::Idle& one) { return one.until <= now; });
  }
}

}  // namespace holdfast::upstream
