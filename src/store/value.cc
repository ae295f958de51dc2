#include "store/value.h"

#include <charconv>

#include "base/check.h"

namespace holdfast::store {

const Value& Row::operator[](std::size_t column) const {
  CHECK(column < values_.size());
  return values_[column];
}

// SQLite gives the result of an expression, which has no declared type, as text.
std::int64_t Row::Number(std::size_t column) const {
  const Value& value = (*this)[column];
  if (value.number() != nullptr) return *value.number();
  CHECK(value.text() != nullptr);
  const std::string& text = *value.text();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  CHECK(error == std::errc{} && end == text.data() + text.size());
  return number;
}

const std::string& Row::Text(std::size_t column) const {
  const Value& value = (*this)[column];
  CHECK(value.text() != nullptr);
  return *value.text();
}

std::optional<std::int64_t> Row::OptionalNumber(std::size_t column) const {
  if ((*this)[column].is_null()) return std::nullopt;
  return Number(column);
}

std::optional<std::string> Row::OptionalText(std::size_t column) const {
  if ((*this)[column].is_null()) return std::nullopt;
  return Text(column);
}

}  // namespace holdfast::store
