#include "json/json.h"

#include <algorithm>
#include <cmath>

namespace holdfast::json {
namespace {

void PutNulls(Value& value) {
  if (value.is_double() && !std::isfinite(value.get_double())) {
    value = nullptr;
  } else if (value.is_array()) {
    for (Value& element : value.get_array()) PutNulls(element);
  } else if (value.is_object()) {
    for (auto& member : value.get_object()) PutNulls(member.value());
  }
}

}  // namespace

bool IsFinite(const Value& value) {
  if (value.is_double()) return std::isfinite(value.get_double());
  if (value.is_array()) return std::ranges::all_of(value.get_array(), IsFinite);
  if (value.is_object()) {
    return std::ranges::all_of(value.get_object(),
                               [](const auto& member) { return IsFinite(member.value()); });
  }
  return true;
}

Result<Value> Parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.text_bytes_max) {
    return Fail(ErrorCode::kTooLarge, "JSON of {} bytes is over the limit of {}", text.size(),
                limits.text_bytes_max);
  }
  boost::json::parse_options options;
  options.max_depth = limits.depth_max;
  boost::json::stream_parser parser({}, options);
  boost::system::error_code error;
  // Some editors and tools put a byte order mark in front; RFC 8259, section 8.1, lets it pass.
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  const std::size_t begin = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  std::size_t consumed = parser.write(text.data() + begin, text.size() - begin, error);
  if (!error) parser.finish(error);
  if (error) {
    return Fail(ErrorCode::kInvalidArgument, "not JSON at byte {}: {}", begin + consumed,
                error.message());
  }
  Value value = parser.release();
  // Boost.JSON reads a number beyond double's range as infinity.
  if (!IsFinite(value)) {
    return Fail(ErrorCode::kInvalidArgument, "JSON with a number beyond the range of double");
  }
  return value;
}

std::string Write(const Value& value) {
  if (IsFinite(value)) return boost::json::serialize(value);
  Value writable = value;
  PutNulls(writable);
  return boost::json::serialize(writable);
}

const Value* Find(const Object& object, std::string_view key) { return object.if_contains(key); }

Result<std::int64_t> RequireInt(const Object& object, std::string_view key, std::int64_t min,
                                std::int64_t max) {
  const Value* value = object.if_contains(key);
  if (value == nullptr) return Fail(ErrorCode::kInvalidArgument, "'{}' is missing", key);
  boost::system::error_code error;
  const auto number = value->to_number<std::int64_t>(error);
  if (error) return Fail(ErrorCode::kInvalidArgument, "'{}' must be an integer", key);
  if (number < min || number > max) {
    return Fail(ErrorCode::kInvalidArgument, "'{}' is {}, outside {}..{}", key, number, min, max);
  }
  return number;
}

Result<std::int64_t> IntOr(const Object& object, std::string_view key, std::int64_t fallback,
                           std::int64_t min, std::int64_t max) {
  const Value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return fallback;
  return RequireInt(object, key, min, max);
}

Result<double> NumberOr(const Object& object, std::string_view key, double fallback) {
  const Value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return fallback;
  boost::system::error_code error;
  const auto number = value->to_number<double>(error);
  if (error) return Fail(ErrorCode::kInvalidArgument, "'{}' must be a number", key);
  return number;
}

Result<bool> BoolOr(const Object& object, std::string_view key, bool fallback) {
  const Value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return fallback;
  if (!value->is_bool())
    return Fail(ErrorCode::kInvalidArgument, "'{}' must be true or false", key);
  return value->as_bool();
}

Result<std::string> StringOr(const Object& object, std::string_view key,
                             std::string_view fallback) {
  const Value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return std::string(fallback);
  if (!value->is_string()) return Fail(ErrorCode::kInvalidArgument, "'{}' must be a string", key);
  return std::string(value->as_string());
}

Result<std::string> RequireString(const Object& object, std::string_view key) {
  const Value* value = object.if_contains(key);
  if (value == nullptr) return Fail(ErrorCode::kInvalidArgument, "'{}' is missing", key);
  if (!value->is_string()) return Fail(ErrorCode::kInvalidArgument, "'{}' must be a string", key);
  return std::string(value->as_string());
}

Result<const Object*> RequireObject(const Object& object, std::string_view key) {
  const Value* value = object.if_contains(key);
  if (value == nullptr) return Fail(ErrorCode::kInvalidArgument, "'{}' is missing", key);
  if (!value->is_object()) return Fail(ErrorCode::kInvalidArgument, "'{}' must be an object", key);
  return &value->get_object();
}

Result<const Array*> RequireArray(const Object& object, std::string_view key,
                                  std::size_t count_max) {
  const Value* value = object.if_contains(key);
  if (value == nullptr) return Fail(ErrorCode::kInvalidArgument, "'{}' is missing", key);
  if (!value->is_array()) return Fail(ErrorCode::kInvalidArgument, "'{}' must be an array", key);
  const Array& array = value->get_array();
  if (array.size() > count_max) {
    return Fail(ErrorCode::kTooLarge, "'{}' has {} elements, over the limit of {}", key,
                array.size(), count_max);
  }
  return &array;
}

}  // namespace holdfast::json
