// ChallengeDesk: proofs of work, given out and checked. A challenge is a text that says when it
// ends and how hard it is, with a keyed hash over it, so nothing is kept for those who never come
// back; of those who do, each is taken once. Thread-safe; never blocks.
//
// The proof is a `nonce` such that SHA-256(seed ":" nonce) begins with `bits` zero bits.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "accounts/account.h"
#include "crypto/keyed_hash.h"

namespace holdfast::accounts {

struct Challenge {
  std::string seed;
  int bits = 0;
  TimeMs expires_at = 0;
};

class ChallengeDesk {
 public:
  static constexpr TimeMs kLifeMs = 10 * 60 * 1000;
  // Proofs remembered until their challenge has ended. When so many were taken in that time, the
  // next wait until there is room: to forget one would let it be used twice.
  static constexpr std::size_t kTakenMax = 1 << 16;
  static constexpr std::size_t kNonceBytesMax = 20;

  // The key must outlive this.
  explicit ChallengeDesk(const crypto::HashKey& key) : key_(key) {}

  Challenge Make(int bits, TimeMs now) const;
  // True once for each good proof that is at least `bits_min` hard.
  bool Take(std::string_view seed, std::string_view nonce, int bits_min, TimeMs now);

 private:
  std::uint64_t Seal(std::string_view text) const;

  const crypto::HashKey& key_;
  std::mutex mutex_;
  std::unordered_map<std::string, TimeMs> taken_;  // Seeds, and when they end.
};

}  // namespace holdfast::accounts
