#include "crypto/encoding.h"

#include <cstdint>

#include <sodium.h>

#include "base/check.h"

namespace holdfast::crypto {
namespace {

constexpr std::string_view kBase32Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr int kBase32Bits = 5;

std::string Encode64(std::string_view bytes, int variant) {
  std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  CHECK(sodium_bin2base64(text.data(), text.size(),
                          reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                          variant) != nullptr);
  text.pop_back();  // The zero at the end.
  return text;
}

std::optional<std::string> Decode64(std::string_view text, int variant) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  std::size_t count = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                        text.size(), nullptr, &count, nullptr, variant) != 0) {
    return std::nullopt;
  }
  bytes.resize(count);
  return bytes;
}

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  return Encode64(bytes, sodium_base64_VARIANT_ORIGINAL);
}

std::string EncodeBase64Url(std::string_view bytes) {
  return Encode64(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  return Decode64(text, sodium_base64_VARIANT_ORIGINAL);
}

std::optional<std::string> DecodeBase64Url(std::string_view text) {
  return Decode64(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

std::string EncodeBase32(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 8 + kBase32Bits - 1) / kBase32Bits);
  std::uint32_t bits = 0;  // Those not written yet are the lowest `count`.
  int count = 0;
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (count += 8; count >= kBase32Bits; count -= kBase32Bits) {
      text += kBase32Letters[bits >> (count - kBase32Bits) & 31];
    }
  }
  if (count > 0) text += kBase32Letters[bits << (kBase32Bits - count) & 31];
  return text;
}

std::optional<std::string> DecodeBase32(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() * kBase32Bits / 8);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char letter : text) {
    const std::size_t value = kBase32Letters.find(letter);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << kBase32Bits | static_cast<std::uint32_t>(value);
    count += kBase32Bits;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 255);
  }
  // A letter that adds no whole byte to what was before it is one too many.
  const bool is_length_of_bytes = count < kBase32Bits;
  const bool is_rest_zero = (bits & ((1u << count) - 1)) == 0;
  if (!is_length_of_bytes || !is_rest_zero) return std::nullopt;
  return bytes;
}

std::string EncodeHex(std::string_view bytes) {
  std::string text(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                 bytes.size());
  text.pop_back();
  return text;
}

std::optional<std::string> DecodeHex(std::string_view text) {
  std::string bytes(text.size() / 2, '\0');
  std::size_t count = 0;
  if (sodium_hex2bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                     text.size(), nullptr, &count, nullptr) != 0 ||
      count * 2 != text.size()) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace holdfast::crypto
