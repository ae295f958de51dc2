// CHECK: our own invariants, always on. A failed check prints file, line and message and aborts:
// a process that has lost an invariant must not go on.
#pragma once

#include <string_view>

#include <fmt/format.h>

namespace holdfast {

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              std::string_view message);

}  // namespace holdfast

#define CHECK(condition)                                           \
  do {                                                             \
    if (!(condition)) [[unlikely]]                                 \
      ::holdfast::CheckFailed(__FILE__, __LINE__, #condition, {}); \
  } while (false)

#define CHECK_MSG(condition, ...)                                                        \
  do {                                                                                   \
    if (!(condition)) [[unlikely]]                                                       \
      ::holdfast::CheckFailed(__FILE__, __LINE__, #condition, fmt::format(__VA_ARGS__)); \
  } while (false)
