#include "net/spawn.h"

#include <utility>

#include "net/asio.h"

namespace holdfast::net {

void Spawn(const Executor& executor, Awaitable<void> coroutine) {
  asio::co_spawn(executor, std::move(coroutine), asio::detached);
}

}  // namespace holdfast::net
