// Value and Row: what goes into a statement and what comes out of it. Two types are all there are,
// so that one set of statements runs on every database: whole numbers (BIGINT; times are
// milliseconds since 1970) and text (TEXT; bytes are base64). Value types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace holdfast::store {

// NULL, a number or a text.
class Value {
 public:
  Value() = default;
  Value(std::nullopt_t) {}
  Value(std::int64_t number) : value_(number) {}
  Value(int number) : value_(std::int64_t{number}) {}
  Value(bool flag) : value_(std::int64_t{flag ? 1 : 0}) {}
  Value(std::string text) : value_(std::move(text)) {}
  Value(std::string_view text) : value_(std::string(text)) {}
  Value(const char* text) : value_(std::string(text)) {}
  template <typename T>
  Value(const std::optional<T>& value) {
    if (value) *this = Value(*value);
  }

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  const std::int64_t* number() const { return std::get_if<std::int64_t>(&value_); }
  const std::string* text() const { return std::get_if<std::string>(&value_); }

 private:
  std::variant<std::monostate, std::int64_t, std::string> value_;
};

using Values = std::vector<Value>;

// One row of an answer; columns are counted from 0 in the order of the SELECT. Asking for a column
// that is not there, or for another type than it has, is a fault of ours (CHECK).
class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}

  std::int64_t Number(std::size_t column) const;
  const std::string& Text(std::size_t column) const;
  bool Flag(std::size_t column) const { return Number(column) != 0; }
  std::optional<std::int64_t> OptionalNumber(std::size_t column) const;
  std::optional<std::string> OptionalText(std::size_t column) const;
  const Value& operator[](std::size_t column) const;
  std::size_t size() const { return values_.size(); }

 private:
  std::vector<Value> values_;
};

using Rows = std::vector<Row>;

}  // namespace holdfast::store
