// PublicKey: somebody else's key, by which their signatures are told from others. Made of the raw
// numbers in which formats of keys (JWK, COSE) carry them. A key takes signatures of one scheme
// alone, so that whoever made a signature does not choose how it is looked at.
//
// The numbers are public: nothing here is a secret. Immutable, thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace holdfast::crypto {

enum class SignatureScheme : std::uint8_t {
  kRsaPkcs1Sha256,   // RS256
  kEcdsaP256Sha256,  // ES256; a signature is r and s, 32 bytes each.
  kEd25519,          // EdDSA
};

class PublicKey {
 public:
  // Shorter moduli can be factored, longer ones only cost time.
  static constexpr int kRsaBitsMin = 2048;
  static constexpr int kRsaBitsMax = 8192;

  // All numbers are big-endian. Errors of all: kInvalidArgument (no such key: a length, a point
  // that is not on the curve, an exponent that nobody uses).
  [[nodiscard]] static Result<PublicKey> OfRsa(std::string_view modulus, std::string_view exponent);
  [[nodiscard]] static Result<PublicKey> OfP256(std::string_view x, std::string_view y);
  [[nodiscard]] static Result<PublicKey> OfEd25519(std::string_view x);

  SignatureScheme scheme() const { return scheme_; }
  // Whether the owner of the key signed exactly this message.
  bool Verifies(std::string_view message, std::string_view signature) const;

 private:
  struct State;
  PublicKey(SignatureScheme scheme, std::shared_ptr<const State> state)
      : scheme_(scheme), state_(std::move(state)) {}

  SignatureScheme scheme_;
  std::shared_ptr<const State> state_;
};

}  // namespace holdfast::crypto
