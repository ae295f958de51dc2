// OffIoThread: runs the reading of a body and the making of a prompt on the service's pool, so that
// no prompt, however long, holds up the streams of others. `work` returns an ApiResult; what it
// borrows must live until the awaiting coroutine goes on.
#pragma once

#include <type_traits>
#include <utility>

#include "api/engine/engine_errors.h"
#include "api/engine/engine_service.h"

namespace holdfast::api {

template <typename Work>
net::Awaitable<std::invoke_result_t<Work&>> OffIoThread(const EngineService& service, Work work) {
  auto made = co_await service.blocking.Run(std::move(work));
  if (!made) co_return std::unexpected(PoolError(made.error()));
  co_return std::move(*made);
}

}  // namespace holdfast::api
