#include "net/event.h"

#include <utility>

#include "base/check.h"
#include "net/asio.h"

namespace holdfast::net {

Awaitable<Executor> CurrentExecutor() { co_return co_await asio::this_coro::executor; }

Awaitable<bool> Event::Wait(TimePoint deadline) {
  CHECK(!is_awaited_);
  while (!is_set_ && Clock::now() < deadline) {
    is_awaited_ = true;
    timer_.expires_at(deadline);
    co_await timer_.async_wait(kAsTuple);
    is_awaited_ = false;
  }
  co_return std::exchange(is_set_, false);
}

void Event::Notify() {
  is_set_ = true;
  if (is_awaited_) timer_.cancel();
}

void Event::PostNotify(std::shared_ptr<Event> event) {
  const Executor executor = event->timer_.get_executor();
  asio::post(executor, [event = std::move(event)] { event->Notify(); });
}

}  // namespace holdfast::net
