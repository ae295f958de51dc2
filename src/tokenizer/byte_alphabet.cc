#include "tokenizer/byte_alphabet.h"

#include <array>
#include <cstdint>

namespace holdfast::tokenizer {
namespace {

// Bytes that are printable in Latin-1 stand for themselves; the 68 others get U+0100 and on.
constexpr int kCodePoints = 256 + 68;

constexpr bool IsItself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<std::uint16_t, 256> code_points{};
  std::array<std::int16_t, kCodePoints> bytes{};

  constexpr Alphabet() {
    bytes.fill(-1);
    int next = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const int code_point = IsItself(byte) ? byte : next++;
      code_points[byte] = static_cast<std::uint16_t>(code_point);
      bytes[code_point] = static_cast<std::int16_t>(byte);
    }
  }
};
constexpr Alphabet kAlphabet;

}  // namespace

std::string ToByteAlphabet(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 2);
  for (const char byte : bytes) {
    const std::uint16_t code_point = kAlphabet.code_points[static_cast<unsigned char>(byte)];
    if (code_point < 0x80) {
      text += static_cast<char>(code_point);
    } else {  // All are below U+0800: two bytes.
      text += static_cast<char>(0xC0 | (code_point >> 6));
      text += static_cast<char>(0x80 | (code_point & 0x3F));
    }
  }
  return text;
}

std::optional<std::string> FromByteAlphabet(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    int code_point = static_cast<unsigned char>(text[i]);
    if (code_point >= 0x80) {
      if (code_point < 0xC2 || code_point > 0xDF || i + 1 == text.size()) return std::nullopt;
      const int low = static_cast<unsigned char>(text[++i]);
      if ((low & 0xC0) != 0x80) return std::nullopt;
      code_point = (code_point & 0x1F) << 6 | (low & 0x3F);
    }
    if (code_point >= kCodePoints || kAlphabet.bytes[code_point] < 0) return std::nullopt;
    bytes += static_cast<char>(kAlphabet.bytes[code_point]);
  }
  return bytes;
}

}  // namespace holdfast::tokenizer
