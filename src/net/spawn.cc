#include "net/spawn.h"

#include <utility>

#include "net/asio.h"

namespace holdfast::net {

void Spawn(const Executor& executor, Awaitable<void> coroutine) {
  asio::co_spawn(executor, std::move(coroutine), asio::detached);
}

void Post(const Executor& executor, std::move_only_function<void()> work) {
  asio::post(executor, std::move(work));
}

}  // namespace holdfast::net
