// What a provider publishes: its metadata and its keys.
#include <functional>

#include <gtest/gtest.h>

#include "oidc/key_set.h"
#include "oidc/metadata.h"
#include "oidc/provider_spec.h"
#include "oidc/testing/tokens.h"

namespace holdfast::oidc {
namespace {

using testing::JwkOf;
using testing::KeySetText;
using testing::SigningKey;

json::Object Document() {
  return {{"issuer", "https://id.example"},
          {"authorization_endpoint", "https://id.example/auth"},
          {"token_endpoint", "https://tokens.id.example/token"},
          {"jwks_uri", "https://keys.id.example/jwks?v=2"},
          {"response_types_supported", json::Array{"code", "id_token"}},
          {"code_challenge_methods_supported", json::Array{"plain", "S256"}},
          {"authorization_response_iss_parameter_supported", true}};
}

TEST(ProviderDocuments, MetadataSaysWhereEverythingIs) {
  const auto metadata = ReadMetadata(json::Write(Document()), "https://id.example");
  ASSERT_TRUE(metadata) << metadata.error().message;
  EXPECT_EQ(metadata->authorization.text, "https://id.example/auth");
  EXPECT_EQ(metadata->token.endpoint.host, "tokens.id.example");
  EXPECT_EQ(metadata->keys.target, "/jwks?v=2");
  EXPECT_TRUE(metadata->names_issuer);
  EXPECT_EQ(metadata->token_auth, TokenAuth::kBasic);
  EXPECT_EQ(MetadataUrl("https://id.example/tenant/")->target,
            "/tenant/.well-known/openid-configuration");
}

TEST(ProviderDocuments, MetadataThatCannotBeTrustedIsRefused) {
  struct Case {
    const char* what;
    std::function<void(json::Object&)> change;
  };
  const Case kCases[] = {
      {"another issuer", [](json::Object& d) { d["issuer"] = "https://id.example/"; }},
      {"no issuer", [](json::Object& d) { d.erase("issuer"); }},
      {"no token endpoint", [](json::Object& d) { d.erase("token_endpoint"); }},
      {"plain http", [](json::Object& d) { d["token_endpoint"] = "http://id.example/token"; }},
      {"this machine", [](json::Object& d) { d["jwks_uri"] = "http://localhost/keys"; }},
      {"a script", [](json::Object& d) { d["authorization_endpoint"] = "javascript:x"; }},
      {"a number", [](json::Object& d) { d["jwks_uri"] = 7; }},
      {"no PKCE",
       [](json::Object& d) { d["code_challenge_methods_supported"] = json::Array{"plain"}; }},
      {"no codes",
       [](json::Object& d) { d["response_types_supported"] = json::Array{"id_token"}; }},
      {"a login that we have not",
       [](json::Object& d) {
         d["token_endpoint_auth_methods_supported"] = json::Array{"private_key_jwt"};
       }},
  };
  for (const Case& each : kCases) {
    json::Object document = Document();
    each.change(document);
    EXPECT_FALSE(ReadMetadata(json::Write(document), "https://id.example")) << each.what;
  }
  for (const char* text : {"", "[]", "{", "null", R"({"issuer": 1, "issuer": 2})"}) {
    EXPECT_FALSE(ReadMetadata(text, "https://id.example")) << text;
  }
}

TEST(ProviderDocuments, KeysOfOtherKindsAreLeftOut) {
  const SigningKey p256 = SigningKey::P256();
  json::Object encrypts = JwkOf(p256, "enc");
  encrypts["use"] = "enc";
  json::Object other = JwkOf(SigningKey::Rsa(), "ps");
  other["alg"] = "PS256";
  json::Object bent = JwkOf(p256, "bent");
  bent["y"] = bent["x"];
  const json::Object secret{{"kty", "oct"}, {"k", "c2VjcmV0"}, {"alg", "HS256"}, {"kid", "h"}};
  const auto keys = ReadKeySet(KeySetText({encrypts, other, bent, secret, 7, JwkOf(p256, "good")}));
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys->size(), 1U);
  EXPECT_NE(keys->Find("good", crypto::SignatureScheme::kEcdsaP256Sha256), nullptr);
  EXPECT_EQ(keys->Find("good", crypto::SignatureScheme::kRsaPkcs1Sha256), nullptr);
  EXPECT_FALSE(ReadKeySet(KeySetText({secret}))) << "none is left";
}

TEST(ProviderDocuments, OfKeysThereIsALimit) {
  const json::Object key = JwkOf(SigningKey::Ed25519(), "k");
  EXPECT_FALSE(ReadKeySet(KeySetText(json::Array(kKeysMax + 1, key))));
  EXPECT_FALSE(ReadKeySet(std::string(1 << 20, ' ')));
  for (const char* text : {"", "[]", "{}", R"({"keys": {}})", R"({"keys": []})"}) {
    EXPECT_FALSE(ReadKeySet(text)) << text;
  }
}

TEST(ProviderSpec, SaysWhichSettingIsWrong) {
  const auto good = [] {
    ProviderSpec spec;
    spec.id = "school";
    spec.name = "School";
    spec.issuer = "https://id.example";
    spec.client_id = "holdfast";
    spec.redirect_uri = "https://chat.example/api/oidc/school/callback";
    return spec;
  };
  EXPECT_TRUE(CheckSpec(good()));
  struct Case {
    const char* word;
    std::function<void(ProviderSpec&)> change;
  };
  const Case kCases[] = {
      {"id", [](ProviderSpec& s) { s.id = "My School"; }},
      {"id", [](ProviderSpec& s) { s.id = ""; }},
      {"name", [](ProviderSpec& s) { s.name = ""; }},
      {"https", [](ProviderSpec& s) { s.issuer = "http://id.example"; }},
      {"issuer", [](ProviderSpec& s) { s.issuer = "id.example"; }},
      {"issuer", [](ProviderSpec& s) { s.issuer = "https://id.example/?x=1"; }},
      {"client_id", [](ProviderSpec& s) { s.client_id = ""; }},
      {"openid", [](ProviderSpec& s) { s.scopes = {"email"}; }},
      {"scopes",
       [](ProviderSpec& s) {
         s.scopes = {"openid", "a b"};
       }},
      {"domains", [](ProviderSpec& s) { s.domains = {"@school.example"}; }},
      {"public_url", [](ProviderSpec& s) { s.redirect_uri = "http://chat.example/x"; }},
  };
  for (const Case& each : kCases) {
    ProviderSpec spec = good();
    each.change(spec);
    const auto checked = CheckSpec(spec);
    ASSERT_FALSE(checked) << each.word;
    EXPECT_NE(checked.error().message.find(each.word), std::string::npos)
        << checked.error().message;
  }
  ProviderSpec local = good();
  local.issuer = "http://127.0.0.1:9000";
  local.redirect_uri = "http://localhost:8080/api/oidc/school/callback";
  EXPECT_TRUE(CheckSpec(local)) << "for trying out";
}

}  // namespace
}  // namespace holdfast::oidc
