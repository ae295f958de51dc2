#include "crypto/totp.h"

#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"
#include "crypto/encoding.h"
#include "crypto/random.h"

namespace holdfast::crypto {
namespace {

constexpr std::size_t kSha1Bytes = 20;
constexpr std::uint32_t kCodes = 1'000'000;  // 10 ^ kTotpDigits.

std::string PercentEncoded(std::string_view text) {
  std::string encoded;
  for (const char letter : text) {
    const bool is_plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                          (letter >= '0' && letter <= '9') ||
                          std::string_view("-._~").find(letter) != std::string_view::npos;
    if (is_plain) {
      encoded += letter;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(letter));
    }
  }
  return encoded;
}

}  // namespace

Secret MakeTotpKey() {
  std::string bytes = RandomBytes(kTotpKeyBytes);
  Secret key(bytes);
  Secret::Wipe(bytes);
  return key;
}

std::string TotpCode(const Secret& key, std::int64_t step) {
  std::array<unsigned char, 8> message;
  for (std::size_t i = 0; i < message.size(); ++i) {
    message[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(step) >> (56 - 8 * i));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  unsigned int hash_bytes = 0;
  const std::string_view bytes = key.Reveal();
  CHECK(HMAC(EVP_sha1(), bytes.data(), static_cast<int>(bytes.size()), message.data(),
             message.size(), hash.data(), &hash_bytes) != nullptr);
  CHECK(hash_bytes == kSha1Bytes);
  // Dynamic truncation, RFC 4226, section 5.3.
  const std::size_t offset = hash[kSha1Bytes - 1] & 15;
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | hash[offset + i];
  return fmt::format("{:0{}}", (number & 0x7FFFFFFF) % kCodes, kTotpDigits);
}

std::optional<std::int64_t> MatchTotp(const Secret& key, std::string_view code,
                                      std::chrono::seconds since_1970) {
  const std::int64_t now = since_1970 / kTotpStep;
  std::optional<std::int64_t> matched;
  // All are computed, so that the time does not tell which one it was.
  for (std::int64_t step = now - kTotpWindow; step <= now + kTotpWindow; ++step) {
    if (Secret(TotpCode(key, step)).Equals(code)) matched = step;
  }
  return matched;
}

Secret TotpUri(const Secret& key, std::string_view issuer, std::string_view account) {
  std::string text = EncodeBase32(key.Reveal());
  std::string uri = fmt::format(
      "otpauth://totp/{0}:{1}?secret={2}&issuer={0}&algorithm=SHA1&digits={3}&period={4}",
      PercentEncoded(issuer), PercentEncoded(account), text, kTotpDigits, kTotpStep.count());
  Secret secret(uri);
  Secret::Wipe(text);
  Secret::Wipe(uri);
  return secret;
}

}  // namespace holdfast::crypto
