#include "crypto/signing_key.h"

#include <cstring>

#include <gtest/gtest.h>

#include "crypto/encoding.h"
#include "crypto/public_key.h"
#include "crypto/test_folder.h"

namespace holdfast::crypto {
namespace {

SigningKey KeyOf(std::string_view seed_hex) {
  const std::string seed = DecodeHex(seed_hex).value();
  std::array<std::byte, SigningKey::kSeedBytes> bytes{};
  std::memcpy(bytes.data(), seed.data(), bytes.size());
  return SigningKey::FromSeed(bytes);
}

// RFC 8032, section 7.1.
TEST(SigningKey, SignsAsTheStandardSays) {
  struct Case {
    const char* seed;
    const char* shown;
    const char* message;
    const char* signature;
  };
  const Case cases[] = {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf"
       "9b4"
       "6bd25bf5f0595bbe24655141438e7a100b"},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f"
       "11d"
       "8c387b2eaeb4302aeeb00d291612bb0c00"},
  };
  for (const Case& one : cases) {
    const SigningKey key = KeyOf(one.seed);
    EXPECT_EQ(EncodeHex(key.public_key()), one.shown);
    EXPECT_EQ(EncodeHex(key.Sign(DecodeHex(one.message).value())), one.signature);
  }
}

TEST(SigningKey, IsVerifiedByItsPublicKeyAlone) {
  const SigningKey key = KeyOf("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  const PublicKey shown = PublicKey::OfEd25519(key.public_key()).value();
  const std::string signature = key.Sign("a verdict");
  EXPECT_TRUE(shown.Verifies("a verdict", signature));
  EXPECT_FALSE(shown.Verifies("a Verdict", signature));
  EXPECT_FALSE(shown.Verifies("a verdict", signature.substr(1) + "x"));
}

TEST(SigningKey, IsTheSameAfterARestart) {
  const TestFolder folder;
  const std::filesystem::path path = folder.path() / "signing.key";
  const std::string first = SigningKey::LoadOrMake(path).value().public_key();
  EXPECT_EQ(SigningKey::LoadOrMake(path).value().public_key(), first);
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace
}  // namespace holdfast::crypto
