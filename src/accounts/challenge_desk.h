// ChallengeDesk: proofs of work, given out and checked, and the passes that they earn. Both are
// texts that say when they end, with a keyed hash over them and over who asked (an address, as the
// guard names it), so nothing is kept for those who never come back and nobody can solve for
// another. Of those who do come back, each proof is taken once, and a pass is good for so many
// requests. Thread-safe; never blocks.
//
// The proof is a `nonce` such that SHA-256(seed ":" nonce) begins with `bits` zero bits.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
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

  static constexpr TimeMs kPassLifeMs = 10 * 60 * 1000;
  static constexpr int kPassRequests = 40;
  // Passes in use at once; then new ones are not good until some have ended.
  static constexpr std::size_t kPassesMax = 1 << 16;
  static constexpr std::size_t kPassBytesMax = 80;
  // A challenge that was given while less was asked is still good, if not by much.
  static constexpr int kBitsSlack = 2;

  // The key must outlive this.
  explicit ChallengeDesk(const crypto::HashKey& key) : key_(key) {}

  Challenge Make(int bits, std::uint64_t asker, TimeMs now) const;
  // True once for each good proof of this asker that is at least `bits_min` hard.
  bool Take(std::string_view seed, std::string_view nonce, int bits_min, std::uint64_t asker,
            TimeMs now);

  std::string MakePass(std::uint64_t asker, TimeMs now) const;
  // True for each of kPassRequests requests of this asker.
  bool SpendPass(std::string_view pass, std::uint64_t asker, TimeMs now);

 private:
  struct Spent {
    TimeMs expires_at = 0;
    int requests = 0;
  };

  // The terms in a sealed text of this kind and asker; nullopt: it is none.
  std::optional<std::string_view> Unseal(std::string_view kind, std::string_view text,
                                         std::uint64_t asker) const;
  std::string Sealed(std::string_view kind, std::string_view terms, std::uint64_t asker) const;

  const crypto::HashKey& key_;
  std::mutex mutex_;
  std::unordered_map<std::string, TimeMs> taken_;  // Seeds, and when they end.
  std::unordered_map<std::string, Spent> passes_;
};

}  // namespace holdfast::accounts
