// UTF-8: find where text stops being valid, and replace what is not. Free functions, thread-safe.
// A character is well formed as in Unicode 15, table 3-7 (no surrogates, no overlong forms).
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

// The text with each maximal invalid part replaced by U+FFFD, as the WHATWG decoder does.
std::string ReplaceInvalidUtf8(std::string_view text);

}  // namespace holdfast::tokenizer
