// JSON with limits. Home of Boost.JSON: other rooms use these names, never <boost/json.hpp>.
// Free functions; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/result.h"

namespace holdfast::json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

struct Limits {
  std::size_t text_bytes_max = 8u << 20;
  std::size_t depth_max = 64;
};

// Parses one whole document of strict JSON in UTF-8, after a byte order mark if there is one.
// Errors: kTooLarge (over a limit), kInvalidArgument (not JSON; the message has the byte offset).
[[nodiscard]] Result<Value> Parse(std::string_view text, const Limits& limits = {});

// Always text that Parse takes: a number that is not finite, which JSON cannot write, becomes null.
std::string Write(const Value& value);

// False if a number anywhere in `value` is infinite or NaN. A writer whose reader needs the number
// refuses to write such a value.
bool IsFinite(const Value& value);

// Typed members of an object. A missing member is nullptr or the fallback; a member of the wrong
// type or outside [min, max] is kInvalidArgument with the key's name.
const Value* Find(const Object& object, std::string_view key);
[[nodiscard]] Result<std::int64_t> IntOr(const Object& object, std::string_view key,
                                         std::int64_t fallback, std::int64_t min, std::int64_t max);
[[nodiscard]] Result<std::int64_t> RequireInt(const Object& object, std::string_view key,
                                              std::int64_t min, std::int64_t max);
[[nodiscard]] Result<double> NumberOr(const Object& object, std::string_view key, double fallback);
[[nodiscard]] Result<bool> BoolOr(const Object& object, std::string_view key, bool fallback);
[[nodiscard]] Result<std::string> StringOr(const Object& object, std::string_view key,
                                           std::string_view fallback);

[[nodiscard]] Result<std::string> RequireString(const Object& object, std::string_view key);
// Never null; they borrow from `object`.
[[nodiscard]] Result<const Object*> RequireObject(const Object& object, std::string_view key);
[[nodiscard]] Result<const Array*> RequireArray(const Object& object, std::string_view key,
                                                std::size_t count_max);

}  // namespace holdfast::json
