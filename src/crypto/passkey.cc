#include "crypto/passkey.h"

#include <algorithm>
#include <array>
#include <memory>

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>

#include "crypto/cbor.h"
#include "crypto/digest.h"

namespace holdfast::crypto {
namespace {

// The fixed part of what an authenticator says: the hash of the host, flags, and the counter.
constexpr std::size_t kHeadBytes = 37;
constexpr std::size_t kFlagsAt = 32;
constexpr std::size_t kCounterAt = 33;
// Of a new credential: the model of the authenticator, and how long the id is.
constexpr std::size_t kModelBytes = 16;
constexpr std::size_t kIdLengthBytes = 2;

constexpr std::uint8_t kUserPresent = 1 << 0;
constexpr std::uint8_t kUserVerified = 1 << 2;
constexpr std::uint8_t kMayBeSynced = 1 << 3;
constexpr std::uint8_t kIsSynced = 1 << 4;
constexpr std::uint8_t kHasCredential = 1 << 6;
constexpr std::uint8_t kHasExtensions = 1 << 7;

constexpr std::array kAlgorithms = {PasskeyAlgorithm::kEs256, PasskeyAlgorithm::kEdDsa,
                                    PasskeyAlgorithm::kRs256};

std::unexpected<Error> Wrong(std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument, "a passkey: {}", what);
}

const unsigned char* BytesOf(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::uint8_t ByteAt(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

Digest256 HashOf(std::string_view text) {
  Sha256 hash;
  hash.Update(text);
  return hash.Finish();
}

// A C object of libfido2 that goes when this goes.
template <auto New, auto Free>
class Held {
 public:
  Held() : object_(New()) {}
  ~Held() { Free(&object_); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  auto* get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  decltype(New()) object_;
};
using Credential = Held<fido_cred_new, fido_cred_free>;
using Assertion = Held<fido_assert_new, fido_assert_free>;
using Es256 = Held<es256_pk_new, es256_pk_free>;
using EdDsa = Held<eddsa_pk_new, eddsa_pk_free>;
using Rs256 = Held<rs256_pk_new, rs256_pk_free>;

// Calls `use` with the key as libfido2 has it; false: it is none, such as a point off the curve.
template <typename Key, auto Read, typename Use>
bool WithKeyOf(std::string_view bytes, Use use) {
  const Key key;
  return key && Read(key.get(), bytes.data(), bytes.size()) == FIDO_OK && use(key.get());
}

template <typename Use>
bool WithKey(const PasskeyKey& key, Use use) {
  switch (key.algorithm) {
    case PasskeyAlgorithm::kEs256:
      return WithKeyOf<Es256, es256_pk_from_ptr>(key.bytes, use);
    case PasskeyAlgorithm::kEdDsa:
      return WithKeyOf<EdDsa, eddsa_pk_from_ptr>(key.bytes, use);
    case PasskeyAlgorithm::kRs256:
      return WithKeyOf<Rs256, rs256_pk_from_ptr>(key.bytes, use);
  }
  return false;
}

Result<PasskeyState> ReadHead(std::string_view data, std::string_view relying_party) {
  if (data.size() < kHeadBytes) return Wrong("the authenticator's data is cut off");
  const Digest256 host = HashOf(relying_party);
  const auto is_same = [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; };
  if (!std::ranges::equal(data.substr(0, host.size()), host, is_same)) {
    return Wrong("it is of another host");
  }
  const std::uint8_t flags = ByteAt(data, kFlagsAt);
  if ((flags & kUserPresent) == 0) return Wrong("its owner was not there");
  if ((flags & kUserVerified) == 0) return Wrong("its owner was not verified");
  if ((flags & kIsSynced) != 0 && (flags & kMayBeSynced) == 0) {
    return Wrong("it is synced, and may not be");
  }
  PasskeyState state;
  state.may_be_synced = (flags & kMayBeSynced) != 0;
  for (std::size_t i = 0; i < sizeof(state.sign_count); ++i) {
    state.sign_count = state.sign_count << 8 | ByteAt(data, kCounterAt + i);
  }
  return state;
}

// After the head: a credential and extensions, each where the flags say so, and nothing more.
Result<void> CheckShape(std::string_view data, bool has_credential) {
  const std::uint8_t flags = ByteAt(data, kFlagsAt);
  if (((flags & kHasCredential) != 0) != has_credential) {
    return Wrong(has_credential ? "there is no new credential" : "there is a new credential");
  }
  std::string_view rest = data.substr(kHeadBytes);
  if (has_credential) {
    if (rest.size() < kModelBytes + kIdLengthBytes) return Wrong("its credential is cut off");
    const std::size_t id_bytes =
        std::size_t{ByteAt(rest, kModelBytes)} << 8 | ByteAt(rest, kModelBytes + 1);
    if (id_bytes < kCredentialIdBytesMin || id_bytes > kCredentialIdBytesMax) {
      return Wrong("its id is too short or too long");
    }
    rest.remove_prefix(kModelBytes + kIdLengthBytes);
    if (rest.size() < id_bytes) return Wrong("its id is cut off");
    rest.remove_prefix(id_bytes);
  }
  CborReader reader(rest);
  if (has_credential) TRY(reader.Skip());
  if ((flags & kHasExtensions) != 0) TRY(reader.Skip());
  if (!reader.rest().empty()) return Wrong("something follows the authenticator's data");
  return {};
}

// The member "authData" of {"fmt": text, "attStmt": map, "authData": bytes}.
Result<std::string_view> ReadAttestationObject(std::string_view object) {
  if (object.size() > kAttestationBytesMax) return Wrong("its attestation is too large");
  CborReader reader(object);
  TRY_ASSIGN(const std::uint64_t count, reader.Map());
  constexpr std::uint64_t kMembers = 3;
  if (count != kMembers) return Wrong("its attestation has not three members");
  std::optional<std::string_view> data;
  for (std::uint64_t i = 0; i < count; ++i) {
    TRY_ASSIGN(const std::string_view name, reader.Text());
    if (name == "authData") {
      if (data) return Wrong("its attestation has a member twice");
      TRY_ASSIGN(data, reader.Bytes());
    } else if (name == "fmt") {
      TRY(reader.Text());
    } else if (name == "attStmt") {
      TRY(reader.Skip());
    } else {
      return Wrong("its attestation has a member that is not known");
    }
  }
  if (!data) return Wrong("its attestation has no authenticator's data");
  if (!reader.rest().empty()) return Wrong("something follows its attestation");
  return *data;
}

// The key is of one of our algorithms, which libfido2 wants to be told before it reads.
Result<NewPasskey> ReadCredential(std::string_view data) {
  for (const PasskeyAlgorithm algorithm : kAlgorithms) {
    const Credential credential;
    if (!credential) return Wrong("there is no memory for it");
    if (fido_cred_set_type(credential.get(), static_cast<int>(algorithm)) != FIDO_OK) continue;
    if (fido_cred_set_authdata_raw(credential.get(), BytesOf(data), data.size()) != FIDO_OK) {
      continue;
    }
    const auto text = [](const unsigned char* bytes, std::size_t count) {
      return std::string(reinterpret_cast<const char*>(bytes), count);
    };
    NewPasskey passkey;
    passkey.credential_id =
        text(fido_cred_id_ptr(credential.get()), fido_cred_id_len(credential.get()));
    passkey.key = {algorithm, text(fido_cred_pubkey_ptr(credential.get()),
                                   fido_cred_pubkey_len(credential.get()))};
    if (!WithKey(passkey.key, [](const void*) { return true; })) break;
    return passkey;
  }
  return Wrong("its key is of no kind that is taken");
}

}  // namespace

std::optional<PasskeyAlgorithm> PasskeyAlgorithmOf(std::int64_t number) {
  for (const PasskeyAlgorithm algorithm : kAlgorithms) {
    if (static_cast<std::int64_t>(algorithm) == number) return algorithm;
  }
  return std::nullopt;
}

Result<NewPasskey> ReadNewPasskey(std::string_view attestation_object,
                                  std::string_view relying_party) {
  TRY_ASSIGN(const std::string_view data, ReadAttestationObject(attestation_object));
  TRY_ASSIGN(const PasskeyState state, ReadHead(data, relying_party));
  TRY(CheckShape(data, true));
  TRY_ASSIGN(NewPasskey passkey, ReadCredential(data));
  passkey.state = state;
  return passkey;
}

Result<PasskeyState> CheckAssertion(const PasskeyAssertion& assertion, const PasskeyKey& key,
                                    std::string_view relying_party) {
  const std::string_view data = assertion.authenticator_data;
  if (data.size() > kAuthenticatorDataBytesMax) return Wrong("its data is too large");
  if (assertion.signature.size() > kSignatureBytesMax) return Wrong("its signature is too large");
  TRY_ASSIGN(const PasskeyState state, ReadHead(data, relying_party));
  TRY(CheckShape(data, false));
  const Digest256 client = HashOf(assertion.client_data);
  const Assertion fido;
  const bool is_read =
      fido && fido_assert_set_count(fido.get(), 1) == FIDO_OK &&
      fido_assert_set_rp(fido.get(), std::string(relying_party).c_str()) == FIDO_OK &&
      fido_assert_set_up(fido.get(), FIDO_OPT_TRUE) == FIDO_OK &&
      fido_assert_set_uv(fido.get(), FIDO_OPT_TRUE) == FIDO_OK &&
      fido_assert_set_clientdata_hash(fido.get(), client.data(), client.size()) == FIDO_OK &&
      fido_assert_set_authdata_raw(fido.get(), 0, BytesOf(data), data.size()) == FIDO_OK &&
      fido_assert_set_sig(fido.get(), 0, BytesOf(assertion.signature),
                          assertion.signature.size()) == FIDO_OK;
  if (!is_read) return Wrong("its assertion cannot be read");
  const bool is_signed = WithKey(key, [&](const void* public_key) {
    return fido_assert_verify(fido.get(), 0, static_cast<int>(key.algorithm), public_key) ==
           FIDO_OK;
  });
  if (!is_signed) return Wrong("its signature is wrong");
  return state;
}

}  // namespace holdfast::crypto
