#include "accounts/device_badges.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "accounts/names.h"
#include "crypto/encoding.h"
#include "crypto/random.h"

namespace holdfast::accounts {
namespace {

constexpr std::size_t kIdBytes = 8;

// "ID.EXPIRES.NAME.EMAIL" of a badge without its seal, each in hex but the time.
struct Terms {
  std::string_view id;
  TimeMs expires_at = 0;
  std::uint64_t name = 0;
  std::uint64_t email = 0;
};

template <typename T>
std::optional<T> ReadNumber(std::string_view text, int base) {
  T number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Terms> ReadTerms(std::string_view text) {
  std::array<std::string_view, 4> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t end = i + 1 < parts.size() ? text.find('.') : text.size();
    if (end == std::string_view::npos) return std::nullopt;
    parts[i] = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const auto expires_at = ReadNumber<TimeMs>(parts[1], 10);
  const auto name = ReadNumber<std::uint64_t>(parts[2], 16);
  const auto email = ReadNumber<std::uint64_t>(parts[3], 16);
  if (parts[0].size() != 2 * kIdBytes || !expires_at || !name || !email) return std::nullopt;
  return Terms{parts[0], *expires_at, *name, *email};
}

}  // namespace

// Folded as at the log-in; 0: it is neither.
std::uint64_t DeviceBadges::NameHash(std::string_view name_or_email) const {
  std::optional<std::string> key = EmailKey(name_or_email);
  if (!key) key = NameKey(name_or_email);
  return key ? key_.Hash(fmt::format("badge of\n{}", *key)) | 1 : 0;
}

std::uint64_t DeviceBadges::Seal(std::string_view terms) const {
  return key_.Hash(fmt::format("device badge\n{}", terms));
}

std::string DeviceBadges::Make(const Account& account, std::string_view old, TimeMs now) const {
  const bool is_known = Check(old, account.name, now) != 0;
  const std::string id = is_known ? std::string(old.substr(0, 2 * kIdBytes))
                                  : crypto::EncodeHex(crypto::RandomBytes(kIdBytes));
  const std::string terms =
      fmt::format("{}.{}.{:x}.{:x}", id, now + kLifeMs, NameHash(account.name),
                  account.email ? NameHash(*account.email) : 0);
  return fmt::format("{}.{:016x}", terms, Seal(terms));
}

std::uint64_t DeviceBadges::Check(std::string_view badge, std::string_view name_or_email,
                                  TimeMs now) const {
  const std::size_t dot = badge.rfind('.');
  if (badge.size() > kBytesMax || dot == std::string_view::npos) return 0;
  const std::string_view text = badge.substr(0, dot);
  if (fmt::format("{}.{:016x}", text, Seal(text)) != badge) return 0;
  const std::optional<Terms> terms = ReadTerms(text);
  const std::uint64_t asked = NameHash(name_or_email);
  if (!terms || terms->expires_at <= now || asked == 0) return 0;
  if (asked != terms->name && asked != terms->email) return 0;
  return key_.Hash(fmt::format("device\n{}", terms->id)) | 1;
}

}  // namespace holdfast::accounts
