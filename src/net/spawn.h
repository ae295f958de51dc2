// Spawn: starts a coroutine beside the one that calls, on the same I/O thread. Whoever starts one
// waits for its end before what it refers to goes.
#pragma once

#include <functional>

#include "net/awaitable.h"

namespace holdfast::net {

void Spawn(const Executor& executor, Awaitable<void> coroutine);

// Runs `work` on the executor's I/O thread, later. From any thread.
void Post(const Executor& executor, std::move_only_function<void()> work);

}  // namespace holdfast::net
