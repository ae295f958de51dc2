// Fields: typed, range-checked members of one JSON object of a request. Each failure names the
// field by its path ("messages[2].role"). A missing member and null are the fallback. Borrowed
// view, single-threaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/api_error.h"
#include "json/json.h"

namespace holdfast::api {

class Fields {
 public:
  explicit Fields(const json::Object& object, std::string path = {})
      : object_(object), path_(std::move(path)) {}

  // nullptr when missing or null.
  const json::Value* Find(std::string_view key) const;
  std::string Path(std::string_view key) const;

  ApiResult<double> Number(std::string_view key, double fallback, double min, double max) const;
  ApiResult<std::optional<std::int64_t>> Int(std::string_view key, std::int64_t min,
                                             std::int64_t max) const;
  ApiResult<bool> Bool(std::string_view key, bool fallback) const;
  ApiResult<std::string> String(std::string_view key, std::string_view fallback,
                                std::size_t bytes_max) const;
  ApiResult<const json::Array*> Array(std::string_view key, std::size_t count_max) const;
  ApiResult<const json::Object*> Object(std::string_view key) const;

  // Fails with kUnsupported when the field asks for something; "", [], false and null do not.
  ApiResult<void> Refuse(std::string_view key, std::string_view why) const;

 private:
  const json::Object& object_;
  std::string path_;
};

// Parses a request's body, which must be a JSON object.
ApiResult<json::Object> ParseBody(std::string_view body);

}  // namespace holdfast::api
