#include "crypto/passkey.h"

#include <gtest/gtest.h>

#include "crypto/encoding.h"
#include "crypto/test_authenticator.h"

namespace holdfast::crypto {
namespace {

using std::string_literals::operator""s;

constexpr const char* kHost = "chat.example";
constexpr const char* kClientData = R"({"type":"webauthn.get"})";

class PasskeyOf : public testing::TestWithParam<PasskeyAlgorithm> {
 protected:
  PasskeyKey Registered() {
    const auto made = ReadNewPasskey(authenticator_.Attestation(), kHost);
    EXPECT_TRUE(made) << made.error().message;
    return made ? made->key : PasskeyKey{};
  }
  Result<PasskeyState> Check(const PasskeyKey& key) {
    const std::string data = authenticator_.AssertionData();
    const std::string signature = authenticator_.Sign(data, kClientData);
    return CheckAssertion({data, kClientData, signature}, key, kHost);
  }

  TestAuthenticator authenticator_{GetParam(), kHost};
};
INSTANTIATE_TEST_SUITE_P(Keys, PasskeyOf,
                         testing::Values(PasskeyAlgorithm::kEs256, PasskeyAlgorithm::kEdDsa,
                                         PasskeyAlgorithm::kRs256),
                         [](const auto& info) {
                           return info.param == PasskeyAlgorithm::kEs256   ? "Es256"
                                  : info.param == PasskeyAlgorithm::kEdDsa ? "EdDsa"
                                                                           : "Rs256";
                         });

TEST_P(PasskeyOf, IsReadAndItsSignatureChecked) {
  authenticator_.sign_count = 0x01020304;
  const auto made = ReadNewPasskey(authenticator_.Attestation(), kHost);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->credential_id, authenticator_.id);
  EXPECT_EQ(made->key.algorithm, GetParam());
  EXPECT_EQ(made->state.sign_count, 0x01020304u);
  EXPECT_FALSE(made->state.may_be_synced);
  authenticator_.sign_count = 0xfffffffe;
  authenticator_.flags |= TestAuthenticator::kMayBeSynced;
  const auto state = Check(made->key);
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->sign_count, 0xfffffffeu);
  EXPECT_TRUE(state->may_be_synced);
}

TEST_P(PasskeyOf, AnotherKeysSignatureIsRefused) {
  const PasskeyKey key = Registered();
  const TestAuthenticator other(GetParam(), kHost);
  const std::string data = other.AssertionData();
  const std::string signature = other.Sign(data, kClientData);
  EXPECT_FALSE(CheckAssertion({data, kClientData, signature}, key, kHost));
}

TEST_P(PasskeyOf, EveryChangedBitIsSeen) {
  const PasskeyKey key = Registered();
  const std::string data = authenticator_.AssertionData();
  const std::string signature = authenticator_.Sign(data, kClientData);
  ASSERT_TRUE(CheckAssertion({data, kClientData, signature}, key, kHost));
  for (std::size_t i = 0; i < data.size(); ++i) {
    std::string changed = data;
    changed[i] ^= 0x20;
    EXPECT_FALSE(CheckAssertion({changed, kClientData, signature}, key, kHost)) << i;
  }
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string changed = signature;
    changed[i] ^= 0x20;
    EXPECT_FALSE(CheckAssertion({data, kClientData, changed}, key, kHost)) << i;
  }
  EXPECT_FALSE(CheckAssertion({data, "{}", signature}, key, kHost));
}

TEST_P(PasskeyOf, WhatIsCutOffIsRefused) {
  const std::string attestation = authenticator_.Attestation();
  for (std::size_t size = 0; size < attestation.size(); ++size) {
    EXPECT_FALSE(ReadNewPasskey(attestation.substr(0, size), kHost)) << size;
  }
  const std::string data = authenticator_.RegistrationData();
  for (std::size_t size = 0; size < data.size(); ++size) {
    const std::string cut = TestAuthenticator::AttestationOf(data.substr(0, size));
    EXPECT_FALSE(ReadNewPasskey(cut, kHost)) << size;
  }
  const PasskeyKey key = Registered();
  const std::string assertion = authenticator_.AssertionData();
  for (std::size_t size = 0; size < assertion.size(); ++size) {
    const std::string cut = assertion.substr(0, size);
    const std::string signature = authenticator_.Sign(cut, kClientData);
    EXPECT_FALSE(CheckAssertion({cut, kClientData, signature}, key, kHost)) << size;
  }
}

// What Chromium's virtual authenticator made for localhost: a registration, and an assertion after
// it.
TEST(Passkey, ABrowsersVectorsAreTaken) {
  const auto attestation = DecodeBase64Url(
      "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVikSZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2NF"
      "AAAAAQECAwQFBgcIAQIDBAUGBwgAIIKPNJcsnt9F_mK2RNAIDRNRtL5wZeM2mCjqXDdO2raepQECAyYgASFY"
      "ID-JrIKsZt-vCSI4rE9SuOKBtxfDT2hQ0bHQUHebLU8gIlggwo1Br_l92yenFE1hThh-g8DtEKJHwntybgXY"
      "h2nzK3k");
  const auto data = DecodeBase64Url("SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAg");
  const auto client = DecodeBase64Url(
      "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiQVFFQkFRRUJBUUVCQVFFQkFRRUJBUUVCQVFF"
      "QkFRRUJBUUVCQVFFQkFRRSIsIm9yaWdpbiI6Imh0dHA6Ly9sb2NhbGhvc3Q6MTg5OTkiLCJjcm9zc09yaWdp"
      "biI6ZmFsc2V9");
  const auto signature = DecodeBase64Url(
      "MEYCIQCxODpTnYWayyFeOqqbaS6gC9m5Rcka3QwyMRaPBzLAkwIhANyE-xwzmwJ2TB-iZT0sSVmW7RQhtVTa"
      "fQ9qUVtfDhPl");
  ASSERT_TRUE(attestation && data && client && signature);
  const auto made = ReadNewPasskey(*attestation, "localhost");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->key.algorithm, PasskeyAlgorithm::kEs256);
  const auto state = CheckAssertion({*data, *client, *signature}, made->key, "localhost");
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_GT(state->sign_count, made->state.sign_count);
  EXPECT_FALSE(ReadNewPasskey(*attestation, "localhost.example"));
}

TEST(Passkey, ItsOwnerMustBeThereAndVerified) {
  const struct {
    std::uint8_t flags;
    bool is_taken;
  } cases[] = {
      {TestAuthenticator::kPresent | TestAuthenticator::kVerified, true},
      {TestAuthenticator::kPresent, false},
      {TestAuthenticator::kVerified, false},
      {0, false},
      {TestAuthenticator::kPresent | TestAuthenticator::kVerified |
           TestAuthenticator::kMayBeSynced | TestAuthenticator::kIsSynced,
       true},
      // Synced, though it never may be.
      {TestAuthenticator::kPresent | TestAuthenticator::kVerified | TestAuthenticator::kIsSynced,
       false},
  };
  TestAuthenticator authenticator(PasskeyAlgorithm::kEs256, kHost);
  const auto made = ReadNewPasskey(authenticator.Attestation(), kHost);
  ASSERT_TRUE(made);
  for (const auto& c : cases) {
    authenticator.flags = c.flags;
    EXPECT_EQ(ReadNewPasskey(authenticator.Attestation(), kHost).has_value(), c.is_taken)
        << int{c.flags};
    const std::string data = authenticator.AssertionData();
    const std::string signature = authenticator.Sign(data, kClientData);
    EXPECT_EQ(CheckAssertion({data, kClientData, signature}, made->key, kHost).has_value(),
              c.is_taken)
        << int{c.flags};
  }
}

TEST(Passkey, OfAnotherHostIsRefused) {
  TestAuthenticator authenticator(PasskeyAlgorithm::kEdDsa, kHost);
  const auto made = ReadNewPasskey(authenticator.Attestation(), kHost);
  ASSERT_TRUE(made);
  for (const char* host : {"", "example", "chat.example.", "CHAT.EXAMPLE", "evil.example"}) {
    authenticator.host = host;
    EXPECT_FALSE(ReadNewPasskey(authenticator.Attestation(), kHost)) << host;
    const std::string data = authenticator.AssertionData();
    const std::string signature = authenticator.Sign(data, kClientData);
    EXPECT_FALSE(CheckAssertion({data, kClientData, signature}, made->key, kHost)) << host;
  }
}

TEST(Passkey, ExtensionsAreReadOverAndNothingMoreMayFollow) {
  TestAuthenticator authenticator(PasskeyAlgorithm::kEs256, kHost);
  const struct {
    std::string extensions;
    bool is_taken;
  } cases[] = {
      {"\xa1\x6b"
       "credProtect\x02",
       true},
      {"\xa0", true},
      {"\xa1\x6b"
       "credProtect",
       false},
      {"\xa0\xa0", false},
      {"\xbf\xff", false},                              // Of a length that is not told.
      {"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff", false},  // Of a length that nothing has.
      {"\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81", false},
  };
  for (const auto& c : cases) {
    authenticator.extensions = c.extensions;
    EXPECT_EQ(ReadNewPasskey(authenticator.Attestation(), kHost).has_value(), c.is_taken)
        << EncodeHex(c.extensions);
  }
}

TEST(Passkey, AnIdIsNeitherShortNorLong) {
  TestAuthenticator authenticator(PasskeyAlgorithm::kEs256, kHost);
  const struct {
    std::size_t bytes;
    bool is_taken;
  } cases[] = {{0, false}, {15, false}, {16, true}, {1023, true}, {1024, false}};
  for (const auto& c : cases) {
    authenticator.id = std::string(c.bytes, 'i');
    EXPECT_EQ(ReadNewPasskey(authenticator.Attestation(), kHost).has_value(), c.is_taken)
        << c.bytes;
  }
}

TEST(Passkey, AKeyMustBeOneAndOfAKindThatIsTaken) {
  const TestAuthenticator authenticator(PasskeyAlgorithm::kEs256, kHost);
  const std::string data = authenticator.RegistrationData();
  const std::size_t key_at = data.size() - 77;
  const auto with_key = [&](const std::string& key) {
    return ReadNewPasskey(TestAuthenticator::AttestationOf(data.substr(0, key_at) + key), kHost);
  };
  const std::string key = data.substr(key_at);
  ASSERT_TRUE(with_key(key));
  std::string off_the_curve = key;
  off_the_curve.back() ^= 1;
  EXPECT_FALSE(with_key(off_the_curve));
  std::string es384 = key;
  es384.replace(3, 2, "\x03\x38\x22"s);
  EXPECT_FALSE(with_key(es384)) << "an algorithm that is not taken";
  std::string other_curve = key;
  other_curve[6] = 2;
  EXPECT_FALSE(with_key(other_curve));
  std::string symmetric = key;
  symmetric[2] = 4;
  EXPECT_FALSE(with_key(symmetric));
  EXPECT_FALSE(with_key("\xa0"));
  EXPECT_FALSE(with_key("\x01"));
}

TEST(Passkey, OfAnotherKindThanItsKeySaysIsRefused) {
  const TestAuthenticator authenticator(PasskeyAlgorithm::kEs256, kHost);
  const auto made = ReadNewPasskey(authenticator.Attestation(), kHost);
  ASSERT_TRUE(made);
  const std::string data = authenticator.AssertionData();
  const std::string signature = authenticator.Sign(data, kClientData);
  for (const PasskeyAlgorithm other : {PasskeyAlgorithm::kEdDsa, PasskeyAlgorithm::kRs256}) {
    const PasskeyKey key{other, made->key.bytes};
    EXPECT_FALSE(CheckAssertion({data, kClientData, signature}, key, kHost));
  }
  EXPECT_FALSE(CheckAssertion({data, kClientData, signature}, PasskeyKey{}, kHost));
  EXPECT_EQ(PasskeyAlgorithmOf(-7), PasskeyAlgorithm::kEs256);
  EXPECT_EQ(PasskeyAlgorithmOf(-8), PasskeyAlgorithm::kEdDsa);
  EXPECT_EQ(PasskeyAlgorithmOf(-257), PasskeyAlgorithm::kRs256);
  EXPECT_EQ(PasskeyAlgorithmOf(-35), std::nullopt);
}

TEST(Passkey, AnAttestationHasItsThreeMembersOnce) {
  const TestAuthenticator authenticator(PasskeyAlgorithm::kEs256, kHost);
  const std::string data = authenticator.RegistrationData();
  const std::string bytes = "\x58"s + static_cast<char>(data.size()) + data;
  ASSERT_LT(data.size(), 256u);
  const std::string auth_data =
      "\x68"
      "authData" +
      bytes;
  const struct {
    std::string object;
    bool is_taken;
  } cases[] = {
      {"\xa3\x63"
       "fmt\x64none\x67"
       "attStmt\xa0" +
           auth_data,
       true},
      // Who made the authenticator is not asked, and what it says of it is not looked at.
      {"\xa3" + auth_data +
           "\x63"
           "fmt\x66packed\x67"
           "attStmt\xa1\x63"
           "alg\x26",
       true},
      {"\xa3\x63"
       "fmt\x64none\x67"
       "attStmt\xa0" +
           auth_data + "\x00"s,
       false},
      {"\xa2\x63"
       "fmt\x64none" +
           auth_data,
       false},
      {"\xa3\x63"
       "fmt\x64none" +
           auth_data + auth_data,
       false},
      {"\xa3\x63"
       "fmt\x64none\x64"
       "more\xa0" +
           auth_data,
       false},
      {"\xa3\x63"
       "fmt\x01\x67"
       "attStmt\xa0" +
           auth_data,
       false},
      {"\xa3\x63"
       "fmt\x64none\x67"
       "attStmt\xa0\x68"
       "authData\x60",
       false},
      {"\xbf\x63"
       "fmt\x64none\x67"
       "attStmt\xa0" +
           auth_data + "\xff",
       false},
      {"\x80", false},
      {"", false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ReadNewPasskey(c.object, kHost).has_value(), c.is_taken) << EncodeHex(c.object);
  }
}

TEST(Passkey, WhatIsTooLargeIsRefused) {
  TestAuthenticator authenticator(PasskeyAlgorithm::kEs256, kHost);
  const auto made = ReadNewPasskey(authenticator.Attestation(), kHost);
  ASSERT_TRUE(made);
  const auto extension = [](std::size_t bytes) {
    return "\xa1\x61x\x59"s + static_cast<char>(bytes >> 8) + static_cast<char>(bytes) +
           std::string(bytes, '\0');
  };
  authenticator.extensions = extension(kAttestationBytesMax);
  EXPECT_FALSE(ReadNewPasskey(authenticator.Attestation(), kHost));
  const auto check = [&](const std::string& data, std::size_t signature_more) {
    const std::string signature =
        authenticator.Sign(data, kClientData) + std::string(signature_more, '\0');
    return CheckAssertion({data, kClientData, signature}, made->key, kHost).has_value();
  };
  authenticator.extensions = extension(kAuthenticatorDataBytesMax);
  EXPECT_FALSE(check(authenticator.AssertionData(), 0));
  authenticator.extensions = "";
  EXPECT_TRUE(check(authenticator.AssertionData(), 0));
  EXPECT_FALSE(check(authenticator.AssertionData(), kSignatureBytesMax));
}

TEST(Passkey, AnAssertionBringsNoNewCredential) {
  const TestAuthenticator authenticator(PasskeyAlgorithm::kEs256, kHost);
  const auto made = ReadNewPasskey(authenticator.Attestation(), kHost);
  ASSERT_TRUE(made);
  const std::string data = authenticator.RegistrationData();
  const std::string signature = authenticator.Sign(data, kClientData);
  EXPECT_FALSE(CheckAssertion({data, kClientData, signature}, made->key, kHost));
  EXPECT_FALSE(
      ReadNewPasskey(TestAuthenticator::AttestationOf(authenticator.AssertionData()), kHost));
}

}  // namespace
}  // namespace holdfast::crypto
