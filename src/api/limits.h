// Limits that an engine and a gateway before it have in common, so that what one may send the other
// takes. Constants.
#pragma once

#include <cstddef>

namespace holdfast::api {

// Bytes of an answer in one piece. An engine refuses a request whose answer could be larger, before
// any work is done; streams have no such limit.
inline constexpr std::size_t kAnswerBytesMax = 64 << 20;

// Bytes of one event of a stream, however many tokens have come since the last.
inline constexpr std::size_t kEventBytesMax = 4 << 20;

}  // namespace holdfast::api
