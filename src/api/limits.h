// Limits that an engine and a gateway before it have in common, so that what one may send the other
// takes. The ranges of fields are those of OpenAI's and DeepSeek's APIs where they state one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::api {

inline constexpr std::int64_t kChoicesMax = 8;
inline constexpr std::size_t kUserBytesMax = 512;
inline constexpr std::size_t kModelBytesMax = 256;
inline constexpr std::int64_t kAnswerTokensMax = 1 << 20;
// Of a text completion, when the field is missing.
inline constexpr std::int64_t kCompletionTokensDefault = 16;

// Bytes of an answer in one piece. An engine refuses a request whose answer could be larger, before
// any work is done; streams have no such limit.
inline constexpr std::size_t kAnswerBytesMax = 64 << 20;

// Bytes of one event of a stream, however many tokens have come since the last.
inline constexpr std::size_t kEventBytesMax = 4 << 20;

}  // namespace holdfast::api
