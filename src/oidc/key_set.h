// KeySet: the keys by which a provider signs (JWK Set, RFC 7517). Keys of a kind that we do not
// take are left out, as a provider may have some for others. Immutable after ReadKeySet, so
// thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/public_key.h"

namespace holdfast::oidc {

inline constexpr std::size_t kKeysMax = 64;

// RS256, ES256 or EdDSA; nullopt for all others, "none" and the symmetric ones among them.
std::optional<crypto::SignatureScheme> SchemeOf(std::string_view algorithm);

class KeySet {
 public:
  struct Key {
    std::string id;  // May be empty.
    crypto::PublicKey key;
  };

  KeySet() = default;
  explicit KeySet(std::vector<Key> keys) : keys_(std::move(keys)) {}

  // The key of that id and scheme; without an id, the only one of the scheme. Null: there is none,
  // or more than one.
  const crypto::PublicKey* Find(std::string_view id, crypto::SignatureScheme scheme) const;
  std::size_t size() const { return keys_.size(); }

 private:
  std::vector<Key> keys_;
};

// Errors: kInvalidArgument: not a set of keys, or none in it that we take; kTooLarge.
[[nodiscard]] Result<KeySet> ReadKeySet(std::string_view text);

}  // namespace holdfast::oidc
