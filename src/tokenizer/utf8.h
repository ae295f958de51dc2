// UTF-8: find where text stops being valid, and replace what is not. Free functions, thread-safe.
// A character is well formed as in Unicode 16, table 3-7 (no surrogates, no overlong forms).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::tokenizer {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD.

// Length of the longest prefix that is valid UTF-8.
std::size_t ValidUtf8Prefix(std::string_view text);

// What the bytes at the start of `text` are; `text` must not be empty.
struct Utf8Step {
  enum class Kind { kCharacter, kInvalid, kUnfinished } kind;
  // Bytes of the character, of the maximal invalid part (1 to 3), or all that is left.
  std::size_t bytes;
};
Utf8Step NextUtf8(std::string_view text);

// Bytes of a character by its first byte, and the character itself, at the start of valid UTF-8.
inline std::size_t Utf8Bytes(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}
inline char32_t DecodeUtf8(std::string_view text) {
  const auto bits = [&](std::size_t i, unsigned mask) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[i]) & mask);
  };
  switch (Utf8Bytes(text[0])) {
    case 1:
      return bits(0, 0x7F);
    case 2:
      return bits(0, 0x1F) << 6 | bits(1, 0x3F);
    case 3:
      return bits(0, 0x0F) << 12 | bits(1, 0x3F) << 6 | bits(2, 0x3F);
    default:
      return bits(0, 0x07) << 18 | bits(1, 0x3F) << 12 | bits(2, 0x3F) << 6 | bits(3, 0x3F);
  }
}

// The text with each maximal invalid part replaced by U+FFFD, as the WHATWG decoder does.
std::string ReplaceInvalidUtf8(std::string_view text);

}  // namespace holdfast::tokenizer
