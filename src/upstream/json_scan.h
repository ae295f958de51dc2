// JsonScan: walks strict JSON text once, from left to right, and copies nothing: for messages of
// which a few fields matter and the rest is passed on. Syntax is checked all the way; UTF-8 is not.
// Single-threaded.
//
//   JsonScan scan(text);
//   const bool is_json = scan.Members([&](std::string_view key) {
//     return key == "id" ? scan.TakeInt(id) : scan.Skip();
//   }) && scan.IsAtEnd();
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::upstream {

enum class JsonKind : std::uint8_t { kNone, kNull, kBool, kNumber, kString, kArray, kObject };

class JsonScan {
 public:
  // `text` must outlive this and what it gives out.
  explicit JsonScan(std::string_view text) : text_(text) {}

  // By its first byte; kNone: no value begins here.
  JsonKind Kind();
  // Passes one value, of whatever kind. False, here and below: not JSON, or too deep.
  bool Skip();
  // A string as it stands between its quotes, escapes and all.
  bool TakeString(std::string_view& escaped);
  // An integer; other numbers and kinds are passed, and `value` stays.
  bool TakeInt(std::optional<std::int64_t>& value);

  // Calls `member(key)` for each member of an object, which must pass the value; the key is as it
  // stands between its quotes. False as soon as `member` says so.
  template <typename Member>
  bool Members(Member member) {
    if (!Enter('{')) return false;
    if (Leave('}')) return true;
    while (true) {
      std::string_view key;
      if (!TakeString(key) || !Take(':') || !member(key)) return false;
      if (Leave('}')) return true;
      if (!Take(',')) return false;
    }
  }
  // The same for the items of an array.
  template <typename Item>
  bool Items(Item item) {
    if (!Enter('[')) return false;
    if (Leave(']')) return true;
    while (true) {
      if (!item()) return false;
      if (Leave(']')) return true;
      if (!Take(',')) return false;
    }
  }

  // Only white space is left.
  bool IsAtEnd();
  // Where the next value begins.
  std::size_t Offset();

 private:
  static constexpr int kDepthMax = 64;

  void SkipSpace();
  bool Take(char c);
  bool Enter(char c);
  bool Leave(char c);
  bool TakeWord(std::string_view word);
  bool TakeNumber(std::string_view& number);

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

// The text of a string as it stands between its quotes; empty when it is not one.
std::string UnescapeJson(std::string_view escaped);

}  // namespace holdfast::upstream
