// The byte-to-unicode alphabet of byte-level BPE files (GPT-2's): each of the 256 bytes has a
// printable character, so token texts in files are valid UTF-8. Free functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::tokenizer {

// Raw bytes in the alphabet: " a" gives "Ġa".
std::string ToByteAlphabet(std::string_view bytes);

// The inverse; nullopt if a character is not of the alphabet.
std::optional<std::string> FromByteAlphabet(std::string_view text);

}  // namespace holdfast::tokenizer
