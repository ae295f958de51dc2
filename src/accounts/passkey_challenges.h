// PasskeyChallenges: the random texts that passkeys sign, each good once, for a while, for one
// purpose and one asker. A challenge carries its end and a keyed hash over all of that, so nothing
// is kept for those who never come back; of those who do, it is remembered until it has ended. The
// key is of this process alone: a challenge of before a restart is good for nothing.
//
// Thread-safe; never blocks.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "accounts/account.h"
#include "crypto/keyed_hash.h"

namespace holdfast::accounts {

enum class PasskeyPurpose : std::uint8_t { kLogIn, kConfirm, kEnrol };

class PasskeyChallenges {
 public:
  static constexpr TimeMs kLifeMs = 5 * 60 * 1000;
  // Taken challenges that are remembered. When so many were taken in that time, the next are
  // refused: to forget one would let it be used twice.
  static constexpr std::size_t kTakenMax = 1 << 16;

  // `asker`: whose it is: the id of a session, or empty for who is not known yet. In base64url.
  std::string Make(PasskeyPurpose purpose, std::string_view asker, TimeMs now) const;
  // Whether it is one of ours, for this, and not too old.
  bool IsGood(std::string_view challenge, PasskeyPurpose purpose, std::string_view asker,
              TimeMs now) const;
  // Once what it was for is proven. True once for each: of several who come with it at once, one
  // gets on.
  bool Take(std::string_view challenge, TimeMs now);

 private:
  std::string Seal(std::string_view terms, PasskeyPurpose purpose, std::string_view asker) const;

  const crypto::HashKey key_ = crypto::HashKey::Random();
  std::mutex mutex_;
  std::unordered_map<std::string, TimeMs> taken_;  // Challenges, and when they end.
};

}  // namespace holdfast::accounts
