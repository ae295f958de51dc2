#include "crypto/public_key.h"

#include <vector>

#include <gtest/gtest.h>

#include "crypto/encoding.h"
#include "crypto/testing/signing_key.h"

namespace holdfast::crypto {
namespace {

using testing::SigningKey;

TEST(PublicKey, TakesTheSignatureOfItsOwnerAndNoOther) {
  const std::vector<SigningKey> keys = {SigningKey::Rsa(), SigningKey::P256(),
                                        SigningKey::Ed25519()};
  for (const SigningKey& signer : keys) {
    const PublicKey key = signer.public_key();
    const std::string signature = signer.Sign("a message");
    EXPECT_TRUE(key.Verifies("a message", signature));
    EXPECT_FALSE(key.Verifies("another message", signature));
    EXPECT_FALSE(key.Verifies("a message", ""));
    EXPECT_FALSE(key.Verifies("a message", signature + '\0'));
    EXPECT_FALSE(key.Verifies("a message", std::string(signature.size(), '\0')));
    EXPECT_FALSE(key.Verifies("a message", signature.substr(1)));
    for (std::size_t i = 0; i < signature.size(); i += 7) {
      std::string bent = signature;
      bent[i] = static_cast<char>(bent[i] ^ 1);
      EXPECT_FALSE(key.Verifies("a message", bent)) << "byte " << i;
    }
    for (const SigningKey& other : keys) {
      if (&other != &signer) {
        EXPECT_FALSE(key.Verifies("a message", other.Sign("a message")));
      }
    }
  }
}

// RFC 8037, appendix A.4: a signature that another library made.
TEST(PublicKey, AgreesWithAPublishedSignature) {
  const auto key =
      PublicKey::OfEd25519(*DecodeBase64Url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
  ASSERT_TRUE(key);
  const std::string signature = *DecodeBase64Url(
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
  EXPECT_TRUE(key->Verifies("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", signature));
}

TEST(PublicKey, RefusesNumbersThatAreNoKey) {
  const SigningKey rsa = SigningKey::Rsa();
  const SigningKey p256 = SigningKey::P256();
  EXPECT_FALSE(PublicKey::OfRsa(SigningKey::Rsa(1024).modulus(), rsa.exponent())) << "too short";
  EXPECT_FALSE(PublicKey::OfRsa(std::string(8193 / 8 + 1, '\xFF'), rsa.exponent())) << "too long";
  EXPECT_FALSE(PublicKey::OfRsa(std::string(1 << 20, '\xFF'), rsa.exponent()));
  EXPECT_FALSE(PublicKey::OfRsa(rsa.modulus(), "\x01")) << "everything would be a signature";
  EXPECT_FALSE(PublicKey::OfRsa(rsa.modulus(), "\x02"));
  EXPECT_FALSE(PublicKey::OfRsa(rsa.modulus(), rsa.modulus())) << "slow on purpose";
  EXPECT_FALSE(PublicKey::OfRsa("", ""));
  EXPECT_FALSE(PublicKey::OfP256(p256.x(), p256.x())) << "not on the curve";
  EXPECT_FALSE(PublicKey::OfP256(p256.x(), p256.y().substr(1)));
  EXPECT_FALSE(PublicKey::OfP256("", ""));
  EXPECT_FALSE(PublicKey::OfP256(std::string(32, '\0'), std::string(32, '\0')));
  EXPECT_FALSE(PublicKey::OfEd25519(std::string(31, 'x')));
}

}  // namespace
}  // namespace holdfast::crypto
