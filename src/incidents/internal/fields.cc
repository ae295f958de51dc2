#include "incidents/internal/fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/check.h"

namespace holdfast::incidents {

std::string ExactNumber(double value) {
  CHECK(std::isfinite(value));
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::optional<double> ReadExactNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

void FieldReader::Real(std::string_view name, double& value, double min, double max) {
  const Result<std::string> text = json::RequireString(object_, name);
  if (!text) return Refuse(text.error());
  const std::optional<double> number = ReadExactNumber(*text);
  if (!number) {
    return Refuse(MakeError(ErrorCode::kInvalidArgument, "'{}' is not a number", name));
  }
  if (*number < min || *number > max) {
    return Refuse(MakeError(ErrorCode::kInvalidArgument, "'{}' is {}, outside {}..{}", name, *text,
                            min, max));
  }
  value = *number;
}

void FieldReader::Flag(std::string_view name, bool& value) {
  const json::Value* found = json::Find(object_, name);
  if (found == nullptr || !found->is_bool()) {
    return Refuse(MakeError(ErrorCode::kInvalidArgument, "'{}' must be true or false", name));
  }
  value = found->get_bool();
}

std::int64_t FieldReader::Read(std::string_view name, std::int64_t min, std::int64_t max) {
  const Result<std::int64_t> value = json::RequireInt(object_, name, min, max);
  if (value) return *value;
  Refuse(value.error());
  return min;
}

std::size_t FieldReader::ReadWord(std::string_view name, std::span<const std::string_view> words) {
  const Result<std::string> text = json::RequireString(object_, name);
  const auto word = text ? std::ranges::find(words, *text) : words.end();
  if (word != words.end()) return static_cast<std::size_t>(word - words.begin());
  Refuse(text ? MakeError(ErrorCode::kInvalidArgument, "'{}' is none of its words", name)
              : text.error());
  return 0;
}

void FieldReader::Refuse(Error error) {
  if (!error_) error_ = std::move(error);
}

}  // namespace holdfast::incidents
