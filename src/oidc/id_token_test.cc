#include "oidc/id_token.h"

#include <functional>

#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "oidc/testing/tokens.h"

namespace holdfast::oidc {
namespace {

using testing::AlgorithmOf;
using testing::JwkOf;
using testing::KeySetText;
using testing::MakeToken;
using testing::SignedText;
using testing::SigningKey;

constexpr std::int64_t kNow = 1'800'000'000;

const SigningKey& Rsa() {
  static const SigningKey kKey = SigningKey::Rsa();
  return kKey;
}
const SigningKey& P256() {
  static const SigningKey kKey = SigningKey::P256();
  return kKey;
}
const SigningKey& Ed25519() {
  static const SigningKey kKey = SigningKey::Ed25519();
  return kKey;
}

KeySet Keys() {
  return ReadKeySet(
             KeySetText({JwkOf(Rsa(), "rsa"), JwkOf(P256(), "p256"), JwkOf(Ed25519(), "ed")}))
      .value();
}

Expected Want() {
  return {.issuer = "https://id.example",
          .client_id = "holdfast",
          .nonce = "nonce-of-this-log-in",
          .access_token = "access",
          .now_s = kNow};
}

json::Object Head(const SigningKey& key, std::string_view id) {
  return {{"alg", AlgorithmOf(key)}, {"kid", id}, {"typ", "JWT"}};
}

json::Object Claim() {
  return {
      {"iss", "https://id.example"},     {"aud", "holdfast"},      {"sub", "248289761001"},
      {"nonce", "nonce-of-this-log-in"}, {"iat", kNow - 5},        {"exp", kNow + 300},
      {"email", "ada@school.example"},   {"email_verified", true}, {"preferred_username", "ada"}};
}

std::string Token(const json::Object& claims) {
  return MakeToken(json::Write(Head(P256(), "p256")), json::Write(claims), P256());
}

ErrorCode CodeOf(const Result<Claims>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? ErrorCode::kInternal : result.error().code;
}

TEST(IdToken, IsTakenFromEachKindOfKey) {
  struct Case {
    const SigningKey& key;
    const char* id;
  };
  for (const Case& each : {Case{Rsa(), "rsa"}, Case{P256(), "p256"}, Case{Ed25519(), "ed"},
                           Case{Rsa(), ""}, Case{P256(), ""}}) {
    json::Object head = Head(each.key, each.id);
    if (*each.id == '\0') head.erase("kid");
    const auto claims =
        CheckIdToken(MakeToken(json::Write(head), json::Write(Claim()), each.key), Keys(), Want());
    ASSERT_TRUE(claims) << claims.error().message;
    EXPECT_EQ(claims->subject, "248289761001");
    EXPECT_EQ(claims->email, "ada@school.example");
    EXPECT_TRUE(claims->is_email_verified);
    EXPECT_EQ(claims->wished_name, "ada");
  }
}

TEST(IdToken, TheHeadChoosesNoOtherAlgorithm) {
  const std::string claims = json::Write(Claim());
  const auto check = [&](std::string_view head, const SigningKey& key) {
    return CodeOf(CheckIdToken(MakeToken(head, claims, key), Keys(), Want()));
  };
  for (const char* algorithm :
       {"none", "None", "", "HS256", "HS512", "RS384", "PS256", "ES384", "rs256", "RS256 "}) {
    const json::Object head{{"alg", algorithm}, {"kid", "rsa"}};
    EXPECT_EQ(check(json::Write(head), Rsa()), ErrorCode::kInvalidArgument) << algorithm;
  }
  EXPECT_EQ(check(R"({"kid": "rsa"})", Rsa()), ErrorCode::kInvalidArgument);
  EXPECT_EQ(check(R"({"alg": ["RS256"], "kid": "rsa"})", Rsa()), ErrorCode::kInvalidArgument);
  EXPECT_EQ(check(R"({"alg": "ES256", "kid": "rsa"})", Rsa()), ErrorCode::kNotFound)
      << "a key is of one algorithm";
  EXPECT_EQ(check(R"({"alg": "RS256", "kid": "rsa", "crit": ["b64"]})", Rsa()),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(check(R"({"alg": "RS256", "alg": "RS256", "kid": "rsa"})", Rsa()),
            ErrorCode::kInvalidArgument);
}

TEST(IdToken, WithoutASignatureOrWithTheNamesOfOneIsNone) {
  const std::string unsigned_text = SignedText(R"({"alg":"none"})", json::Write(Claim()));
  EXPECT_EQ(CodeOf(CheckIdToken(unsigned_text + ".", Keys(), Want())), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(CheckIdToken(unsigned_text, Keys(), Want())), ErrorCode::kInvalidArgument);
  const std::string text = SignedText(json::Write(Head(Rsa(), "rsa")), json::Write(Claim()));
  EXPECT_EQ(CodeOf(CheckIdToken(text + ".", Keys(), Want())), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(CheckIdToken(text + ".AAAA", Keys(), Want())), ErrorCode::kPermissionDenied);
}

// The public key as the secret of an HMAC: what a check that trusts the head would take.
TEST(IdToken, SignedWithThePublicKeyAsASecretIsNone) {
  const std::string text = SignedText(R"({"alg":"HS256","kid":"rsa"})", json::Write(Claim()));
  for (const std::string& secret : {Rsa().modulus(), json::Write(JwkOf(Rsa(), "rsa"))}) {
    // HMAC-SHA256 as it is defined (RFC 2104), from the digest alone.
    std::string key = secret;
    if (key.size() > 64) {
      crypto::Sha256 shortened;
      shortened.Update(key);
      const crypto::Digest256 digest = shortened.Finish();
      key.assign(reinterpret_cast<const char*>(digest.data()), digest.size());
    }
    key.resize(64, '\0');
    std::string inner = key;
    std::string outer = key;
    for (char& c : inner) c = static_cast<char>(c ^ 0x36);
    for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
    crypto::Sha256 first;
    first.Update(inner + text);
    const crypto::Digest256 middle = first.Finish();
    crypto::Sha256 second;
    second.Update(outer + std::string(reinterpret_cast<const char*>(middle.data()), 32));
    const crypto::Digest256 mac = second.Finish();
    const std::string token =
        text + "." +
        crypto::EncodeBase64Url(std::string(reinterpret_cast<const char*>(mac.data()), 32));
    EXPECT_EQ(CodeOf(CheckIdToken(token, Keys(), Want())), ErrorCode::kInvalidArgument);
  }
}

TEST(IdToken, OfAKeyThatIsNotInTheSetSaysSo) {
  const SigningKey other = SigningKey::P256();
  const std::string claims = json::Write(Claim());
  EXPECT_EQ(CodeOf(CheckIdToken(MakeToken(R"({"alg":"ES256","kid":"new"})", claims, other), Keys(),
                                Want())),
            ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(CheckIdToken(MakeToken(R"({"alg":"ES256","kid":"p256"})", claims, other), Keys(),
                                Want())),
            ErrorCode::kPermissionDenied)
      << "another key by a known name";
  const KeySet two = ReadKeySet(KeySetText({JwkOf(P256(), "a"), JwkOf(other, "b")})).value();
  EXPECT_EQ(CodeOf(CheckIdToken(MakeToken(R"({"alg":"ES256"})", claims, P256()), two, Want())),
            ErrorCode::kNotFound)
      << "without a name, one of two is not guessed";
}

TEST(IdToken, IsHeldToEachOfItsClaims) {
  struct Case {
    const char* what;
    std::function<void(json::Object&)> change;
    bool is_good = false;
  };
  const Case kCases[] = {
      {"as it is", [](json::Object&) {}, true},
      {"another issuer", [](json::Object& c) { c["iss"] = "https://id.example/"; }},
      {"no issuer", [](json::Object& c) { c.erase("iss"); }},
      {"an issuer that is a list", [](json::Object& c) { c["iss"] = json::Array{"x"}; }},
      {"another audience", [](json::Object& c) { c["aud"] = "other"; }},
      {"no audience", [](json::Object& c) { c.erase("aud"); }},
      {"no one in the audience", [](json::Object& c) { c["aud"] = json::Array{}; }},
      {"us in a list", [](json::Object& c) { c["aud"] = json::Array{"holdfast"}; }, true},
      {"others too, and nobody named",
       [](json::Object& c) {
         c["aud"] = json::Array{"holdfast", "x"};
       }},
      {"others too, for us",
       [](json::Object& c) {
         c["aud"] = json::Array{"x", "holdfast"};
         c["azp"] = "holdfast";
       },
       true},
      {"for another", [](json::Object& c) { c["azp"] = "x"; }},
      {"another nonce", [](json::Object& c) { c["nonce"] = "nonce-of-another"; }},
      {"no nonce", [](json::Object& c) { c.erase("nonce"); }},
      {"expired", [](json::Object& c) { c["exp"] = kNow - kSkewS; }},
      {"expired within the skew", [](json::Object& c) { c["exp"] = kNow - kSkewS + 1; }, true},
      {"never expires", [](json::Object& c) { c.erase("exp"); }},
      {"expires at a text", [](json::Object& c) { c["exp"] = "2100"; }},
      {"expires beyond numbers", [](json::Object& c) { c["exp"] = 1e300; }},
      {"of the future", [](json::Object& c) { c["iat"] = kNow + kSkewS + 1; }},
      {"of a clock before ours", [](json::Object& c) { c["iat"] = kNow + kSkewS; }, true},
      {"old", [](json::Object& c) { c["iat"] = kNow - kTokenAgeMaxS - kSkewS - 1; }},
      {"of no time", [](json::Object& c) { c.erase("iat"); }},
      {"not yet", [](json::Object& c) { c["nbf"] = kNow + kSkewS + 1; }},
      {"nobody", [](json::Object& c) { c.erase("sub"); }},
      {"an empty subject", [](json::Object& c) { c["sub"] = ""; }},
      {"a number as subject", [](json::Object& c) { c["sub"] = 7; }},
      {"a subject with a line", [](json::Object& c) { c["sub"] = "a\nb"; }},
      {"a long subject", [](json::Object& c) { c["sub"] = std::string(256, 's'); }},
      {"of another access token", [](json::Object& c) { c["at_hash"] = "AAAA"; }},
  };
  for (const Case& each : kCases) {
    json::Object claims = Claim();
    each.change(claims);
    const auto checked = CheckIdToken(Token(claims), Keys(), Want());
    EXPECT_EQ(checked.has_value(), each.is_good) << each.what;
    if (!checked) {
      EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument) << each.what;
    }
  }
}

TEST(IdToken, GoesWithTheAccessTokenThatItNames) {
  crypto::Sha256 hash;
  hash.Update("access");
  const crypto::Digest256 digest = hash.Finish();
  json::Object claims = Claim();
  claims["at_hash"] =
      crypto::EncodeBase64Url(std::string(reinterpret_cast<const char*>(digest.data()), 16));
  EXPECT_TRUE(CheckIdToken(Token(claims), Keys(), Want()));
}

TEST(IdToken, IsFreshWhereThatIsAskedFor) {
  Expected want = Want();
  want.shown_since_s = kNow - 20;
  json::Object claims = Claim();
  EXPECT_FALSE(CheckIdToken(Token(claims), Keys(), want)) << "it does not say";
  claims["auth_time"] = kNow - 3600;
  EXPECT_FALSE(CheckIdToken(Token(claims), Keys(), want));
  claims["auth_time"] = kNow - 10;
  EXPECT_TRUE(CheckIdToken(Token(claims), Keys(), want));
}

TEST(IdToken, BelievesOnlyWhatIsSaidOfAMailAddress) {
  struct Case {
    const char* email;
    json::Value verified;
    bool is_verified;
  };
  for (const Case& each : {Case{"ada@school.example", true, true},
                           {"ada@school.example", "true", true},
                           {"ada@school.example", false, false},
                           {"ada@school.example", nullptr, false},
                           {"ada@school.example", 1, false},
                           {"", true, false}}) {
    json::Object claims = Claim();
    claims["email"] = each.email;
    claims["email_verified"] = each.verified;
    const auto checked = CheckIdToken(Token(claims), Keys(), Want());
    ASSERT_TRUE(checked);
    EXPECT_EQ(checked->is_email_verified, each.is_verified) << json::Write(each.verified);
  }
}

TEST(IdToken, IsWholeOrNothing) {
  const std::string token = Token(Claim());
  for (std::size_t size = 0; size < token.size(); ++size) {
    EXPECT_FALSE(CheckIdToken(token.substr(0, size), Keys(), Want())) << size;
  }
  const std::string head = crypto::EncodeBase64Url(json::Write(Head(P256(), "p256")));
  for (const std::string& bent : {token + "=", token + ".", token + "\n", " " + token, "." + token,
                                  head + "=" + token.substr(head.size()), head + "." + token,
                                  std::string(kTokenBytesMax + 1, 'a'), std::string("..")}) {
    EXPECT_FALSE(CheckIdToken(bent, Keys(), Want()));
  }
  EXPECT_EQ(CodeOf(CheckIdToken(std::string(1 << 20, '.'), Keys(), Want())), ErrorCode::kTooLarge);
  std::string doubled = json::Write(Claim());
  doubled.insert(1, R"("sub": "somebody else", )");
  EXPECT_EQ(CodeOf(CheckIdToken(MakeToken(json::Write(Head(P256(), "p256")), doubled, P256()),
                                Keys(), Want())),
            ErrorCode::kInvalidArgument);
  const std::string not_object = MakeToken(json::Write(Head(P256(), "p256")), "[1]", P256());
  EXPECT_FALSE(CheckIdToken(not_object, Keys(), Want()));
}

}  // namespace
}  // namespace holdfast::oidc
