#include "api/fields.h"

#include <cmath>
#include <utility>

namespace holdfast::api {

const json::Value* Fields::Find(std::string_view key) const {
  const json::Value* value = json::Find(object_, key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string Fields::Path(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

ApiResult<double> Fields::Number(std::string_view key, double fallback, double min,
                                 double max) const {
  const json::Value* value = Find(key);
  if (value == nullptr) return fallback;
  if (!value->is_number()) {
    return FailApi(Reason::kBadRequest, fmt::format("'{}' must be a number", Path(key)), Path(key));
  }
  const double number = value->to_number<double>();
  if (!std::isfinite(number) || number < min || number > max) {
    return FailApi(Reason::kBadRequest,
                   fmt::format("'{}' must be between {} and {}", Path(key), min, max), Path(key));
  }
  return number;
}

ApiResult<std::optional<std::int64_t>> Fields::Int(std::string_view key, std::int64_t min,
                                                   std::int64_t max) const {
  const json::Value* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const Result<std::int64_t> number = json::RequireInt(object_, key, min, max);
  if (number) return *number;
  const bool is_integer = value->is_int64() || value->is_uint64();
  return FailApi(Reason::kBadRequest,
                 is_integer ? fmt::format("'{}' must be between {} and {}", Path(key), min, max)
                            : fmt::format("'{}' must be an integer", Path(key)),
                 Path(key));
}

ApiResult<bool> Fields::Bool(std::string_view key, bool fallback) const {
  const json::Value* value = Find(key);
  if (value == nullptr) return fallback;
  if (!value->is_bool()) {
    return FailApi(Reason::kBadRequest, fmt::format("'{}' must be true or false", Path(key)),
                   Path(key));
  }
  return value->as_bool();
}

ApiResult<std::string> Fields::String(std::string_view key, std::string_view fallback,
                                      std::size_t bytes_max) const {
  const json::Value* value = Find(key);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) {
    return FailApi(Reason::kBadRequest, fmt::format("'{}' must be a string", Path(key)), Path(key));
  }
  if (value->as_string().size() > bytes_max) {
    return FailApi(Reason::kBadRequest,
                   fmt::format("'{}' is over the limit of {} bytes", Path(key), bytes_max),
                   Path(key));
  }
  return std::string(value->as_string());
}

ApiResult<const json::Array*> Fields::Array(std::string_view key, std::size_t count_max) const {
  const json::Value* value = Find(key);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) {
    return FailApi(Reason::kBadRequest, fmt::format("'{}' must be an array", Path(key)), Path(key));
  }
  if (value->as_array().size() > count_max) {
    return FailApi(Reason::kBadRequest,
                   fmt::format("'{}' has more than {} elements", Path(key), count_max), Path(key));
  }
  return &value->as_array();
}

ApiResult<const json::Object*> Fields::Object(std::string_view key) const {
  const json::Value* value = Find(key);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) {
    return FailApi(Reason::kBadRequest, fmt::format("'{}' must be an object", Path(key)),
                   Path(key));
  }
  return &value->as_object();
}

ApiResult<void> Fields::Refuse(std::string_view key, std::string_view why) const {
  const json::Value* value = Find(key);
  if (value == nullptr || (value->is_bool() && !value->as_bool()) ||
      (value->is_array() && value->as_array().empty()) ||
      (value->is_string() && value->as_string().empty())) {
    return {};
  }
  return FailApi(Reason::kUnsupported, fmt::format("'{}' is not supported: {}", Path(key), why),
                 Path(key));
}

ApiResult<json::Object> ParseBody(std::string_view body) {
  // Its size has been held to the limit of bodies; a second one here would be another.
  Result<json::Value> value = json::Parse(body, {.text_bytes_max = body.size()});
  if (!value) {
    return FailApi(Reason::kBadRequest,
                   fmt::format("The request's body: {}", value.error().message));
  }
  if (!value->is_object()) {
    return FailApi(Reason::kBadRequest, "The request's body must be a JSON object.");
  }
  return std::move(value->as_object());
}

}  // namespace holdfast::api
