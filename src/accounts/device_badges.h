// DeviceBadges: what a browser keeps after a good log-in, to be known by at the next: the device
// cookie of OWASP's "Slow down online guessing attacks with device cookies". It vouches for the
// accounts that it names and no other, opens nothing by itself, and is a keyed hash over its terms,
// so nothing is kept for it. Its id stays the same when it is made anew for the same account, so
// that a device that guesses can be counted. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accounts/account.h"
#include "crypto/keyed_hash.h"

namespace holdfast::accounts {

class DeviceBadges {
 public:
  static constexpr TimeMs kLifeMs = TimeMs{180} * 24 * 60 * 60 * 1000;
  static constexpr std::size_t kBytesMax = 128;

  // The key must outlive this.
  explicit DeviceBadges(const crypto::HashKey& key) : key_(key) {}

  // `old`: the badge that the browser has, whose id is kept if it vouches for this account.
  std::string Make(const Account& account, std::string_view old, TimeMs now) const;
  // The device's id, if it vouches for the account that this name or mail address is of; else 0.
  std::uint64_t Check(std::string_view badge, std::string_view name_or_email, TimeMs now) const;

 private:
  std::uint64_t NameHash(std::string_view name_or_email) const;
  std::uint64_t Seal(std::string_view terms) const;

  const crypto::HashKey& key_;
};

}  // namespace holdfast::accounts
