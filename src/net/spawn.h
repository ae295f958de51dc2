// Spawn: starts a coroutine beside the one that calls, on the same I/O thread. Whoever starts one
// waits for its end before what it refers to goes.
#pragma once

#include "net/awaitable.h"

namespace holdfast::net {

void Spawn(const Executor& executor, Awaitable<void> coroutine);

}  // namespace holdfast::net
