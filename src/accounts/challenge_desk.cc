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
// What a sealed text is good for.
constexpr std::string_view kChallenge = "challenge";
constexpr std::string_view kPass = "pass";

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

std::string ChallengeDesk::Sealed(std::string_view kind, std::string_view terms,
                                  std::uint64_t asker) const {
  const std::uint64_t seal = key_.Hash(fmt::format("{}\n{:016x}\n{}", kind, asker, terms));
  return fmt::format("{}.{:016x}", terms, seal);
}

std::optional<std::string_view> ChallengeDesk::Unseal(std::string_view kind, std::string_view text,
                                                      std::uint64_t asker) const {
  if (text.size() < kSealDigits + 1) return std::nullopt;
  const std::string_view terms = text.substr(0, text.size() - kSealDigits - 1);
  if (Sealed(kind, terms, asker) != text) return std::nullopt;
  return terms;
}

Challenge ChallengeDesk::Make(int bits, std::uint64_t asker, TimeMs now) const {
  const TimeMs expires_at = now + kLifeMs;
  // So long that what stands before the nonce fills a block of SHA-256: a try is one block.
  const std::string terms =
      fmt::format("{}.{}.{}", crypto::EncodeHex(crypto::RandomBytes(16)), bits, expires_at);
  return {Sealed(kChallenge, terms, asker), bits, expires_at};
}

bool ChallengeDesk::Take(std::string_view seed, std::string_view nonce, int bits_min,
                         std::uint64_t asker, TimeMs now) {
  if (nonce.size() > kNonceBytesMax) return false;
  const std::optional<std::string_view> text = Unseal(kChallenge, seed, asker);
  const std::optional<Terms> terms = text ? ReadTerms(*text) : std::nullopt;
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

std::string ChallengeDesk::MakePass(std::uint64_t asker, TimeMs now) const {
  const std::string terms =
      fmt::format("{}.{}", crypto::EncodeHex(crypto::RandomBytes(12)), now + kPassLifeMs);
  return Sealed(kPass, terms, asker);
}

bool ChallengeDesk::SpendPass(std::string_view pass, std::uint64_t asker, TimeMs now) {
  if (pass.size() > kPassBytesMax) return false;
  const std::optional<std::string_view> terms = Unseal(kPass, pass, asker);
  if (!terms) return false;
  const auto expires_at = ReadNumber<TimeMs>(terms->substr(terms->find('.') + 1));
  if (!expires_at || *expires_at <= now) return false;
  const std::lock_guard lock(mutex_);
  const auto found = passes_.find(std::string(pass));
  if (found != passes_.end()) return ++found->second.requests <= kPassRequests;
  if (passes_.size() >= kPassesMax) {
    std::erase_if(passes_, [now](const auto& one) { return one.second.expires_at <= now; });
    if (passes_.size() >= kPassesMax) return false;
  }
  passes_.emplace(pass, Spent{*expires_at, 1});
  return true;
}

}  // namespace holdfast::accounts
