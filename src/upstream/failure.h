// Failure: why an engine gave no answer, or not all of one; and which reason a client is told.
// Value type; free functions, thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/reason.h"
#include "base/result.h"
#include "net/stop.h"

namespace holdfast::upstream {

enum class FailureKind : std::uint8_t {
  kNoModel,             // No engine of the pool serves the model.
  kUnreachable,         // Nobody listens, or every engine of the model is down.
  kTimedOutConnecting,  // Neither connected nor refused in time.
  kTimedOutHead,        // Connected, and no head of an answer came in time.
  kTimedOutTotal,       // The answer took longer than any answer may.
  kSilent,              // Nothing came for too long in the middle of an answer.
  kBroken,              // The connection ended, or the bytes made no sense, in the middle.
  kNotHttp,             // The answer's head is not HTTP.
  kWrongContent,        // An answer of 2xx that is neither events nor JSON as was asked.
  kTooLarge,            // The answer, an event or a head is over its limit.
  kRefused,             // 4xx: the request is at fault.
  kBusy,                // 429 or 503: the engine is full, loading or draining.
  kError,               // 5xx, an error event, or the engine refuses us (401, 403).
  kResourceExhausted,   // We have no descriptor or memory left for one more connection.
  kStopped,             // The caller's stop source stopped.
};
inline constexpr int kFailureKindCount = static_cast<int>(FailureKind::kStopped) + 1;

// Stable lower-case word for logs and metrics: "timed_out_head".
std::string_view FailureWord(FailureKind kind);

// The error object of an engine's answer, {"error": {...}} or {"message": ...}; what is missing is
// empty. The text is the engine's: for the client whose request it was, never for a log.
struct EngineError {
  std::string message;
  std::string type;
  std::string param;
  std::string code;
  std::string reason;  // Of our own engines: a word of base/reason.h.
};

struct Failure {
  FailureKind kind = FailureKind::kUnreachable;
  // Something of the answer was given to the caller before.
  bool has_begun = false;
  std::string engine;  // Name of the last engine asked; empty: none.
  Error cause;         // For the operator; nothing of the request or the answer.
  int status = 0;      // Of the engine's answer; 0: there was none.
  std::optional<std::chrono::milliseconds> retry_after = {};  // As the engine said.
  std::optional<EngineError> error = {};                      // When the engine gave one.
  net::StopReason stop = net::StopReason::kNone;              // Of kStopped.
};

// The engine is at fault: another one may do better, and its breaker counts it.
bool IsEngineFault(FailureKind kind);

// What the client is told. Total.
Reason ToReason(const Failure& failure);

}  // namespace holdfast::upstream
