// The one error type of Holdfast. `code` decides what a caller does (and, in api/, which HTTP
// status a client sees); `message` is for the operator and names the object and the limit.
// Thread-compatible value type.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace holdfast {

enum class ErrorCode {
  kInvalidArgument,     // The caller's input is wrong in itself.
  kNotFound,            // The named thing does not exist.
  kAlreadyExists,       // The named thing exists and must not.
  kCorrupt,             // A file or message breaks its own format.
  kUnsupported,         // Well-formed, but a feature we do not have.
  kTooLarge,            // Over a stated size limit.
  kOutOfRange,          // An index or value outside its stated range.
  kResourceExhausted,   // A queue, cache or quota is full; trying later may work.
  kDeadlineExceeded,    // Time ran out.
  kCancelled,           // The caller went away or asked to stop.
  kUnavailable,         // A peer or child process is down; trying later may work.
  kPermissionDenied,    // The operating system or a policy says no.
  kIo,                  // Reading or writing failed.
  kDiskFull,            // No space left on the device.
  kFailedPrecondition,  // The object is not in the state this call needs.
  kInternal,            // A library failed in a way that should not happen.
};

// Stable lower-case name, for logs and metrics: "invalid_argument".
std::string_view ErrorCodeName(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
};

template <typename... Args>
Error MakeError(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Error{code, fmt::format(format, std::forward<Args>(args)...)};
}

// Error for the current errno: "<what>: <strerror>", with ENOSPC as kDiskFull and so on.
Error ErrnoError(std::string_view what);

}  // namespace holdfast
