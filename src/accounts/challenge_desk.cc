#include "accounts/challenge_desk.h"

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "crypto/random.h"

namespace holdfast::accounts {
namespace {

constexpr int kBitsMax = 40;
constexpr std::size_t kSealDigits = 16;

int LeadingZeroBits(const crypto::Digest256& digest) {
  int bits = 0;
  for (const std::uint8_t byte : digest) {
    if (byte != 0) return bits + __builtin_clz(byte) - 24;
    bits += 8;
  }
  return bits;
}

template <typename T>
std::optional<T> ReadNumber(std::string_view text) {
  T number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "RANDOM.BITS.EXPIRES" of a seed without its seal.
struct Terms {
  int bits = 0;
  TimeMs expires_at = 0;
};

std::optional<Terms> ReadTerms(std::string_view text) {
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto bits = ReadNumber<int>(text.substr(first + 1, second - first - 1));
  const auto expires_at = ReadNumber<TimeMs>(text.substr(second + 1));
  if (!bits || !expires_at) return std::nullopt;
  return Terms{*bits, *expires_at};
}

}  // namespace

std::uint64_t ChallengeDesk::Seal(std::string_view text) const {
  return key_.Hash(fmt::format("challenge\n{}", text));
}

Challenge ChallengeDesk::Make(int bits, TimeMs now) const {
  const TimeMs expires_at = now + kLifeMs;
  const std::string terms =
      fmt::format("{}.{}.{}", crypto::EncodeHex(crypto::RandomBytes(12)), bits, expires_at);
  return {fmt::format("{}.{:016x}", terms, Seal(terms)), bits, expires_at};
}

bool ChallengeDesk::Take(std::string_view seed, std::string_view nonce, int bits_min, TimeMs now) {
  if (nonce.size() > kNonceBytesMax || seed.size() < kSealDigits + 1) return false;
  const std::string_view terms_text = seed.substr(0, seed.size() - kSealDigits - 1);
  if (fmt::format("{}.{:016x}", terms_text, Seal(terms_text)) != seed) return false;
  const std::optional<Terms> terms = ReadTerms(terms_text);
  if (!terms || terms->expires_at <= now || terms->bits < bits_min || terms->bits > kBitsMax) {
    return false;
  }
  crypto::Sha256 hash;
  hash.Update(seed);
  hash.Update(":");
  hash.Update(nonce);
  if (LeadingZeroBits(hash.Finish()) < terms->bits) return false;
  const std::lock_guard lock(mutex_);
  if (taken_.size() >= kTakenMax) {
    std::erase_if(taken_, [now](const auto& one) { return one.second <= now; });
    if (taken_.size() >= kTakenMax) return false;
  }
  return taken_.emplace(seed, terms->expires_at).second;
}

}  // namespace holdfast::accounts
