#include "accounts/passkey_challenges.h"

#include <cstdint>
#include <optional>

#include <fmt/format.h>

#include "crypto/encoding.h"
#include "crypto/random.h"

namespace holdfast::accounts {
namespace {

// Random bytes, then when it ends, then the seal.
constexpr std::size_t kRandomBytes = 16;
constexpr std::size_t kNumberBytes = 8;
constexpr std::size_t kTermsBytes = kRandomBytes + kNumberBytes;

std::string BytesOf(std::uint64_t number) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift);
  return bytes;
}

TimeMs NumberOf(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char one : bytes) number = number << 8 | static_cast<std::uint8_t>(one);
  return static_cast<TimeMs>(number);
}

}  // namespace

std::string PasskeyChallenges::Seal(std::string_view terms, PasskeyPurpose purpose,
                                    std::string_view asker) const {
  return BytesOf(key_.Hash(fmt::format("{}\n{}\n{}", static_cast<int>(purpose), asker, terms)));
}

std::string PasskeyChallenges::Make(PasskeyPurpose purpose, std::string_view asker,
                                    TimeMs now) const {
  const std::string terms =
      crypto::RandomBytes(kRandomBytes) + BytesOf(static_cast<std::uint64_t>(now + kLifeMs));
  return crypto::EncodeBase64Url(terms + Seal(terms, purpose, asker));
}

bool PasskeyChallenges::IsGood(std::string_view challenge, PasskeyPurpose purpose,
                               std::string_view asker, TimeMs now) const {
  const std::optional<std::string> bytes = crypto::DecodeBase64Url(challenge);
  if (!bytes || bytes->size() != kTermsBytes + kNumberBytes) return false;
  const std::string_view terms = std::string_view(*bytes).substr(0, kTermsBytes);
  if (bytes->substr(kTermsBytes) != Seal(terms, purpose, asker)) return false;
  return now < NumberOf(terms.substr(kRandomBytes));
}

bool PasskeyChallenges::Take(std::string_view challenge, TimeMs now) {
  const std::lock_guard lock(mutex_);
  if (taken_.size() >= kTakenMax) {
    std::erase_if(taken_, [now](const auto& one) { return one.second <= now; });
    if (taken_.size() >= kTakenMax) return false;
  }
  // It ends before this at the latest.
  return taken_.emplace(challenge, now + kLifeMs).second;
}

}  // namespace holdfast::accounts
