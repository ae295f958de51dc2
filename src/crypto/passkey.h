// Passkeys: what an authenticator says, checked (WebAuthn Level 3, sections 6.1 and 7). Home of
// libfido2, which reads the keys and checks the signatures. The challenge and the page's origin are
// in the client's data, which is JSON: who calls this reads it (accounts/client_data.h).
//
// A passkey counts only where its owner was there and was verified, by a PIN or a finger. Nothing
// is asked of who made the authenticator, so a statement about that is not looked at. Free
// functions; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::crypto {

// Numbers of COSE, as they go over the wire and are stored.
enum class PasskeyAlgorithm : std::int16_t { kEs256 = -7, kEdDsa = -8, kRs256 = -257 };

// nullopt: none that is taken.
std::optional<PasskeyAlgorithm> PasskeyAlgorithmOf(std::int64_t number);

inline constexpr std::size_t kCredentialIdBytesMin = 16;
inline constexpr std::size_t kCredentialIdBytesMax = 1023;
// What browsers send is a tenth of these.
inline constexpr std::size_t kAttestationBytesMax = 16 << 10;
inline constexpr std::size_t kAuthenticatorDataBytesMax = 4 << 10;
inline constexpr std::size_t kSignatureBytesMax = 1 << 10;

struct PasskeyKey {
  PasskeyAlgorithm algorithm = PasskeyAlgorithm::kEs256;
  std::string bytes;  // X and Y; or the key of Ed25519; or modulus and exponent.
};

// What a passkey says of itself each time.
struct PasskeyState {
  std::uint32_t sign_count = 0;  // 0: it does not count.
  bool may_be_synced = false;    // To other devices; never changes.
};

struct NewPasskey {
  std::string credential_id;
  PasskeyKey key;
  PasskeyState state;
};

// A new passkey, from the attestation object of its registration, for the host `relying_party`.
// Errors: kInvalidArgument, saying what is not as it must be.
[[nodiscard]] Result<NewPasskey> ReadNewPasskey(std::string_view attestation_object,
                                                std::string_view relying_party);

// What a passkey signed: borrowed.
struct PasskeyAssertion {
  std::string_view authenticator_data;
  std::string_view client_data;
  std::string_view signature;
};

// Errors: kInvalidArgument, saying what is not as it must be.
[[nodiscard]] Result<PasskeyState> CheckAssertion(const PasskeyAssertion& assertion,
                                                  const PasskeyKey& key,
                                                  std::string_view relying_party);

}  // namespace holdfast::crypto
