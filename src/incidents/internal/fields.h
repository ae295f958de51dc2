// Fields: one description of a struct's members for writing it to JSON and for reading it back:
//
//   template <typename Fields> void Describe(Fields& fields, Cat& cat) {
//     fields.Whole("lives", cat.lives, 0, 9);
//   }
//
// Files hold whole numbers, words and true or false only. What is not whole is a string with the
// shortest decimal that reads back to the same bits, for figures are compared exactly. Everything
// read is within the range that is named. Single-threaded.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "guard/clock.h"
#include "json/json.h"

namespace holdfast::incidents {

// "0.1"; finite.
std::string ExactNumber(double value);
std::optional<double> ReadExactNumber(std::string_view text);

class FieldWriter {
 public:
  explicit FieldWriter(json::Object& object) : object_(object) {}
  static constexpr bool kReads = false;

  template <std::integral T>
  void Whole(std::string_view name, const T& value, std::int64_t, std::int64_t) {
    object_[name] = static_cast<std::int64_t>(value);
  }
  void Real(std::string_view name, const double& value, double, double) {
    object_[name] = ExactNumber(value);
  }
  void Flag(std::string_view name, const bool& value) { object_[name] = value; }
  template <typename Enum>
  void Word(std::string_view name, const Enum& value, std::span<const std::string_view> words) {
    object_[name] = words[static_cast<std::size_t>(value)];
  }
  void Micros(std::string_view name, const guard::Duration& value, guard::Duration,
              guard::Duration) {
    object_[name] = value.count();
  }
  void Moment(std::string_view name, const guard::Time& value, guard::Duration) {
    object_[name] = value.time_since_epoch().count();
  }

 private:
  json::Object& object_;
};

// Keeps the first error.
class FieldReader {
 public:
  explicit FieldReader(const json::Object& object) : object_(object) {}
  static constexpr bool kReads = true;

  template <std::integral T>
  void Whole(std::string_view name, T& value, std::int64_t min, std::int64_t max) {
    value = static_cast<T>(Read(name, min, max));
  }
  void Real(std::string_view name, double& value, double min, double max);
  void Flag(std::string_view name, bool& value);
  // One of `words`, in the order of the enumeration.
  template <typename Enum>
  void Word(std::string_view name, Enum& value, std::span<const std::string_view> words) {
    value = static_cast<Enum>(ReadWord(name, words));
  }
  void Micros(std::string_view name, guard::Duration& value, guard::Duration min,
              guard::Duration max) {
    value = guard::Duration(Read(name, min.count(), max.count()));
  }
  // From time zero to `max` after it.
  void Moment(std::string_view name, guard::Time& value, guard::Duration max) {
    value = guard::Time(guard::Duration(Read(name, 0, max.count())));
  }

  const std::optional<Error>& error() const { return error_; }

 private:
  std::int64_t Read(std::string_view name, std::int64_t min, std::int64_t max);
  std::size_t ReadWord(std::string_view name, std::span<const std::string_view> words);
  void Refuse(Error error);

  const json::Object& object_;
  std::optional<Error> error_;
};

}  // namespace holdfast::incidents
