// RelayEvents: the events of an engine's answer to a client, as they come. The engine is read ahead
// of the client, up to a bound: its work, and the place it takes, ends when it has said its last
// word, not when a slow client has read it.
//
// Belongs to the request's coroutine; single-threaded.
#pragma once

#include <cstddef>

#include "api/call.h"
#include "upstream/answer_stream.h"

namespace holdfast::api {

// Of events that the client has not taken yet; beyond it the engine waits.
inline constexpr std::size_t kReadAheadBytesMax = 256 << 10;

// Begins the stream, if that was not done yet, with its first event. Failures: the client's
// (kClientLeft, kSlowReader) or the engine's.
net::Awaitable<ApiResult<void>> RelayEvents(upstream::AnswerStream& answer, Reply& reply,
                                            Progress& progress);

}  // namespace holdfast::api
