#include "crypto/public_key.h"

#include <string>
#include <utility>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/check.h"

namespace holdfast::crypto {
namespace {

template <auto kFree>
struct Free {
  void operator()(auto* object) const { kFree(object); }
};
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;

// Bytes of a coordinate, a scalar and an Ed25519 key alike.
constexpr std::size_t kCurveBytes = 32;
constexpr std::size_t kEd25519SignatureBytes = 64;
constexpr int kExponentBitsMax = 32;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Number ToNumber(std::string_view bytes) {
  Number number(BN_bin2bn(Bytes(bytes), static_cast<int>(bytes.size()), nullptr));
  CHECK(number != nullptr);
  return number;
}

// What the library thinks of a key that is none stays in its queue of errors otherwise.
std::unexpected<Error> NoKey(std::string_view what) {
  ERR_clear_error();
  return Fail(ErrorCode::kInvalidArgument, "not a public key: {}", what);
}

Key MakeKey(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  CHECK(params != nullptr && context != nullptr);
  CHECK(EVP_PKEY_fromdata_init(context.get()) == 1);
  EVP_PKEY* key = nullptr;
  const int made = EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
  return Key(made == 1 ? key : nullptr);
}

// ECDSA signatures are pairs of numbers; the library reads them in DER.
std::string ToDer(std::string_view signature) {
  const EcdsaSignature pair(ECDSA_SIG_new());
  CHECK(pair != nullptr);
  Number r = ToNumber(signature.substr(0, kCurveBytes));
  Number s = ToNumber(signature.substr(kCurveBytes));
  CHECK(ECDSA_SIG_set0(pair.get(), r.release(), s.release()) == 1);
  unsigned char* bytes = nullptr;
  const int count = i2d_ECDSA_SIG(pair.get(), &bytes);
  CHECK(count > 0);
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
  OPENSSL_free(bytes);
  return der;
}

}  // namespace

struct PublicKey::State {
  Key key;
};

Result<PublicKey> PublicKey::OfRsa(std::string_view modulus, std::string_view exponent) {
  constexpr std::size_t kBytesMax = kRsaBitsMax / 8 + 1;
  if (modulus.size() > kBytesMax || exponent.size() > kBytesMax)
    return NoKey("an RSA key too long");
  const Number n = ToNumber(modulus);
  const Number e = ToNumber(exponent);
  const int bits = BN_num_bits(n.get());
  if (bits < kRsaBitsMin || bits > kRsaBitsMax) return NoKey("the length of an RSA modulus");
  const bool is_exponent_good = BN_is_odd(e.get()) == 1 && BN_is_one(e.get()) == 0 &&
                                BN_num_bits(e.get()) <= kExponentBitsMax;
  if (!is_exponent_good || BN_is_odd(n.get()) == 0) return NoKey("the numbers of an RSA key");
  const Builder builder(OSSL_PARAM_BLD_new());
  CHECK(builder != nullptr);
  CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1);
  CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1);
  Key key = MakeKey("RSA", builder.get());
  if (key == nullptr) return NoKey("RSA");
  return PublicKey(SignatureScheme::kRsaPkcs1Sha256,
                   std::make_shared<const State>(State{std::move(key)}));
}

Result<PublicKey> PublicKey::OfP256(std::string_view x, std::string_view y) {
  if (x.size() != kCurveBytes || y.size() != kCurveBytes) return NoKey("the length of coordinates");
  const std::string point = fmt::format("\x04{}{}", x, y);  // Uncompressed.
  const Builder builder(OSSL_PARAM_BLD_new());
  CHECK(builder != nullptr);
  CHECK(OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1",
                                        0) == 1);
  CHECK(OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()) == 1);
  Key key = MakeKey("EC", builder.get());
  if (key == nullptr) return NoKey("a point that is not on P-256");
  return PublicKey(SignatureScheme::kEcdsaP256Sha256,
                   std::make_shared<const State>(State{std::move(key)}));
}

Result<PublicKey> PublicKey::OfEd25519(std::string_view x) {
  if (x.size() != kCurveBytes) return NoKey("the length of an Ed25519 key");
  Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(x), x.size()));
  if (key == nullptr) return NoKey("Ed25519");
  return PublicKey(SignatureScheme::kEd25519, std::make_shared<const State>(State{std::move(key)}));
}

bool PublicKey::Verifies(std::string_view message, std::string_view signature) const {
  std::string der;
  const EVP_MD* digest = EVP_sha256();
  switch (scheme_) {
    case SignatureScheme::kRsaPkcs1Sha256:
      break;
    case SignatureScheme::kEcdsaP256Sha256:
      if (signature.size() != 2 * kCurveBytes) return false;
      der = ToDer(signature);
      signature = der;
      break;
    case SignatureScheme::kEd25519:
      if (signature.size() != kEd25519SignatureBytes) return false;
      digest = nullptr;  // It is part of the scheme.
      break;
  }
  const DigestContext context(EVP_MD_CTX_new());
  CHECK(context != nullptr);
  CHECK(EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, state_->key.get()) == 1);
  const bool is_good = EVP_DigestVerify(context.get(), Bytes(signature), signature.size(),
                                        Bytes(message), message.size()) == 1;
  if (!is_good) ERR_clear_error();
  return is_good;
}

}  // namespace holdfast::crypto
