// Numbers as bytes, the lowest first, one after the other. A writer past its end and a reader past
// its end are mistakes of ours. Single-threaded.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/check.h"

namespace holdfast::journal {

class ByteWriter {
 public:
  explicit ByteWriter(std::span<std::byte> bytes) : rest_(bytes) {}

  template <typename T>
    requires std::is_integral_v<T>
  void Put(T value) {
    const auto bits = static_cast<std::make_unsigned_t<T>>(value);
    CHECK(rest_.size() >= sizeof bits);
    for (std::size_t i = 0; i < sizeof bits; ++i) {
      rest_[i] = static_cast<std::byte>(static_cast<std::uint64_t>(bits) >> (8 * i));
    }
    rest_ = rest_.subspan(sizeof bits);
  }
  void Put(double value) { Put(std::bit_cast<std::uint64_t>(value)); }
  void Put(float value) { Put(std::bit_cast<std::uint32_t>(value)); }
  // Cut, or filled with zeros.
  void PutText(std::string_view text, std::size_t bytes) {
    CHECK(rest_.size() >= bytes);
    for (std::size_t i = 0; i < bytes; ++i) {
      rest_[i] = i < text.size() ? static_cast<std::byte>(text[i]) : std::byte{0};
    }
    rest_ = rest_.subspan(bytes);
  }

 private:
  std::span<std::byte> rest_;
};

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <typename T>
    requires std::is_integral_v<T>
  T Take() {
    CHECK(rest_.size() >= sizeof(T));
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bits |= std::to_integer<std::uint64_t>(rest_[i]) << (8 * i);
    }
    rest_ = rest_.subspan(sizeof(T));
    return static_cast<T>(bits);
  }
  double TakeDouble() { return std::bit_cast<double>(Take<std::uint64_t>()); }
  float TakeFloat() { return std::bit_cast<float>(Take<std::uint32_t>()); }
  // Up to its first zero.
  std::string TakeText(std::size_t bytes) {
    CHECK(rest_.size() >= bytes);
    std::string text;
    for (std::size_t i = 0; i < bytes && rest_[i] != std::byte{0}; ++i) {
      text += static_cast<char>(rest_[i]);
    }
    rest_ = rest_.subspan(bytes);
    return text;
  }

 private:
  std::span<const std::byte> rest_;
};

}  // namespace holdfast::journal
