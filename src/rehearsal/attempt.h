// Attempt: one request, or one connection, of a rehearsal, as its caller saw it. It names its group
// by an opaque number only; who is who is sealed elsewhere (rehearsal/record.h). Times are
// microseconds since the start of the run. Value type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::rehearsal {

using Micros = std::int64_t;
inline constexpr Micros kNever = -1;

// What was asked for.
enum class Act : std::uint8_t { kPage, kChat, kLogIn, kSignUp, kHold };
inline constexpr int kActCount = static_cast<int>(Act::kHold) + 1;
std::string_view ActWord(Act act);

enum class End : std::uint8_t {
  kDone,     // Answered in full.
  kRefused,  // Answered with an error: `status` and `reason`.
  kBroken,   // Began well and ended with an error, or was cut off.
  kLeft,     // The caller left.
  kFailed,   // No answer: not connected, or hung up before a word.
  kUnsent,   // The generator was at its own limit. Says nothing of the service.
};
inline constexpr int kEndCount = static_cast<int>(End::kUnsent) + 1;
std::string_view EndWord(End end);

struct Attempt {
  std::uint32_t group = 0;
  std::uint32_t client = 0;
  std::uint64_t wish = 0;  // Retries share it.
  std::uint32_t retry = 0;
  Act act = Act::kChat;
  End end = End::kFailed;
  int status = 0;
  std::string reason;
  Micros due = 0;  // When the caller wanted it.
  Micros begun = 0;
  Micros ended = 0;
  Micros first_token = kNever;
  Micros last_token = kNever;
  std::uint32_t tokens = 0;
  // The first estimate of a wait that it was told.
  Micros wait_told_at = kNever;
  std::int64_t wait_told_ms = 0;
  std::uint32_t notices = 0;  // Such words in all.
};

}  // namespace holdfast::rehearsal
