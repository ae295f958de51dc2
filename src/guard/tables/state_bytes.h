// What was learned as bytes, to outlive a restart: numbers one after the other, the lowest byte
// first. Whoever reads them may hold anything: past the end, and after a number outside of its
// range, all is 0 and is_sound() is false. Single-threaded.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace holdfast::guard {

// Of all that is written, one part at a time, so that nobody holds a lock for long: the tables are
// cut alike, so that each part has a piece of every one. What changes in between is in one part as
// it was and in another as it is, which does no harm to who was seen and where.
struct StatePart {
  std::size_t index = 0;
  std::size_t count = 1;

  bool is_first() const { return index == 0; }
  bool is_last() const { return index + 1 == count; }
  std::size_t Begin(std::size_t places) const { return places * index / count; }
  std::size_t End(std::size_t places) const { return places * (index + 1) / count; }
};

// Ends a list of places.
inline constexpr std::uint32_t kNoPlace = ~std::uint32_t{0};

class StateWriter {
 public:
  explicit StateWriter(std::string& bytes) : bytes_(bytes) {}

  template <typename T>
    requires std::is_unsigned_v<T>
  void Put(T value) {
    char bytes[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
    }
    bytes_.append(bytes, sizeof(T));
  }
  void Put(double value) { Put(std::bit_cast<std::uint64_t>(value)); }

 private:
  std::string& bytes_;
};

class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : rest_(bytes) {}

  bool is_sound() const { return is_sound_; }
  bool is_at_end() const { return rest_.empty(); }

  template <typename T>
    requires std::is_unsigned_v<T>
  T Take() {
    if (rest_.size() < sizeof(T)) is_sound_ = false;
    if (!is_sound_) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
    }
    rest_.remove_prefix(sizeof(T));
    return static_cast<T>(value);
  }
  // At most `max`.
  std::uint64_t TakeCount(std::uint64_t max) {
    const auto value = Take<std::uint64_t>();
    return Expect(value <= max) ? value : 0;
  }
  // Within [min, max], and a number.
  double TakeDouble(double min, double max) {
    const double value = std::bit_cast<double>(Take<std::uint64_t>());
    return Expect(value >= min && value <= max) ? value : 0;
  }
  bool Expect(bool is_so) {
    is_sound_ = is_sound_ && is_so;
    return is_sound_;
  }

 private:
  std::string_view rest_;
  bool is_sound_ = true;
};

}  // namespace holdfast::guard
