// Result<T>: a value or an Error. TRY passes an error up; TRY_ASSIGN also names the value.
//
//   TRY(file.Sync());
//   TRY_ASSIGN(const Header header, ReadHeader(bytes));
#pragma once

// clang-tidy 14 and clang 16 hide std::expected of libstdc++ 12 unless concepts look newer.
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wbuiltin-macro-redefined"
#pragma clang diagnostic ignored "-Wmacro-redefined"
#define __cpp_concepts 202002L
#pragma clang diagnostic pop
#endif
#include <expected>
#include <utility>

#include "base/error.h"

namespace holdfast {

template <typename T = void>
using Result = std::expected<T, Error>;

// For `return Fail(ErrorCode::kCorrupt, "{}: bad magic", path);`
template <typename... Args>
std::unexpected<Error> Fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(MakeError(code, format, std::forward<Args>(args)...));
}
inline std::unexpected<Error> Fail(Error error) { return std::unexpected(std::move(error)); }

}  // namespace holdfast

#define HOLDFAST_CONCAT_INNER(a, b) a##b
#define HOLDFAST_CONCAT(a, b) HOLDFAST_CONCAT_INNER(a, b)

#define TRY(expression)                                                     \
  do {                                                                      \
    auto&& try_result = (expression);                                       \
    if (!try_result) return std::unexpected(std::move(try_result).error()); \
  } while (false)

#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_INNER(HOLDFAST_CONCAT(try_result_, __LINE__), declaration, expression)
#define TRY_ASSIGN_INNER(result, declaration, ...)                \
  auto&& result = (__VA_ARGS__);                                  \
  if (!result) return std::unexpected(std::move(result).error()); \
  declaration = std::move(*result)
