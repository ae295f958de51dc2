// Passkeys over real sockets: a whole service on the tiny model, and an authenticator in software.
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "api/browser.h"
#include "api/running_service.h"
#include "crypto/encoding.h"
#include "crypto/test_authenticator.h"

namespace holdfast::testing {
namespace {

using crypto::PasskeyAlgorithm;
using crypto::TestAuthenticator;

std::string OriginOf(const RunningService& running) {
  return fmt::format("http://localhost:{}", running.port);
}

json::Value OptionsOf(Browser& browser, std::string_view path) {
  const Response response = browser.Send("POST", path, "{}");
  EXPECT_EQ(response.status, 200) << response.body;
  return response.status == 200 ? response.Json().at("publicKey") : json::Value();
}

std::string ChallengeOf(Browser& browser, std::string_view path) {
  return std::string(OptionsOf(browser, path).at("challenge").as_string());
}

std::string Body(const std::string& credential, std::string_view name = "Phone") {
  return fmt::format(R"({{"name":"{}","credential":{}}})", name, credential);
}

Response Add(Browser& browser, TestAuthenticator& authenticator, std::string_view origin) {
  const json::Value options = OptionsOf(browser, "/api/me/passkeys/options");
  const std::string_view handle = options.at("user").at("id").as_string();
  authenticator.user_handle = crypto::DecodeBase64Url(handle).value_or("");
  const std::string_view challenge = options.at("challenge").as_string();
  return browser.Send("POST", "/api/me/passkeys",
                      Body(authenticator.RegistrationJson(challenge, origin)));
}

Response LogIn(Browser& browser, const TestAuthenticator& authenticator, std::string_view origin) {
  const std::string challenge = ChallengeOf(browser, "/api/session/passkey/options");
  return browser.Send("POST", "/api/session/passkey",
                      Body(authenticator.AssertionJson(challenge, origin)));
}

Response LogInByPassword(Browser& browser, std::string_view name) {
  return browser.Send("POST", "/api/session",
                      fmt::format(R"({{"name":"{}","password":"{}"}})", name, kPassword));
}

TEST(Passkeys, EveryOperationDoesWhatItSays) {
  RunningService running(AccountSettings("open"));
  const std::string origin = OriginOf(running);
  TestAuthenticator authenticator(PasskeyAlgorithm::kRs256, "localhost");
  Browser ada(running.port);
  ASSERT_EQ(ada.Register("ada").status, 201);
  const json::Value me = ada.Send("GET", "/api/me").Json();
  EXPECT_EQ(me.at("passkey_origin").as_string(), origin);
  EXPECT_EQ(me.at("account").at("passkeys").as_int64(), 0);

  const json::Value options = OptionsOf(ada, "/api/me/passkeys/options");
  EXPECT_EQ(options.at("rp").at("id").as_string(), "localhost");
  EXPECT_EQ(options.at("attestation").as_string(), "none");
  EXPECT_EQ(options.at("authenticatorSelection").at("residentKey").as_string(), "required");
  EXPECT_EQ(options.at("authenticatorSelection").at("userVerification").as_string(), "required");
  const Response added = Add(ada, authenticator, origin);
  ASSERT_EQ(added.status, 201) << added.body;
  const std::string path =
      fmt::format("/api/me/passkeys/{}", std::string_view(added.Json().at("id").as_string()));
  EXPECT_EQ(OptionsOf(ada, "/api/me/passkeys/options").at("excludeCredentials").as_array().size(),
            1u);

  Browser elsewhere(running.port);
  const Response in = LogIn(elsewhere, authenticator, origin);
  ASSERT_EQ(in.status, 200) << in.body;
  EXPECT_EQ(in.Json().at("account").at("name").as_string(), "ada");
  EXPECT_EQ(in.Json().at("account").at("passkeys").as_int64(), 1);

  EXPECT_EQ(ada.Send("PATCH", path, R"({"name":"Old phone"})").status, 204);
  const json::Value list = ada.Send("GET", "/api/me/passkeys").Json();
  EXPECT_EQ(list.at("passkeys").at(0).at("name").as_string(), "Old phone");
  EXPECT_TRUE(list.at("passkeys").at(0).at("last_used_at").is_int64());
  EXPECT_EQ(list.at("passkeys_max").as_int64(), 20);

  const json::Value asked = OptionsOf(elsewhere, "/api/me/confirm/options");
  ASSERT_EQ(asked.at("allowCredentials").as_array().size(), 1u);
  const std::string shown =
      Body(authenticator.AssertionJson(asked.at("challenge").as_string(), origin));
  EXPECT_EQ(elsewhere.Send("POST", "/api/me/confirm", shown).status, 204);
  EXPECT_EQ(elsewhere.Send("POST", "/api/me/confirm", shown).status, 401) << "once";
  EXPECT_EQ(ada.Send("DELETE", path).status, 204);
  EXPECT_EQ(ada.Send("DELETE", path).status, 404);
  Browser late(running.port);
  EXPECT_EQ(LogIn(late, authenticator, origin).Error("reason"), "wrong_credentials");
}

TEST(Passkeys, AreOfTheAddressThatIsSet) {
  std::vector<std::string> settings = AccountSettings("open");
  settings.emplace_back("HOLDFAST_ACCOUNTS_PUBLIC_URL=https://chat.example/");
  settings.emplace_back("HOLDFAST_GATEWAY_ALLOWED_HOSTS=chat.example");
  settings.emplace_back("HOLDFAST_GATEWAY_TRUSTED_PROXIES=127.0.0.1");
  RunningService running(settings);
  Browser ada(running.port, "chat.example");
  ASSERT_EQ(ada.Register("ada").status, 201);
  EXPECT_EQ(ada.Send("GET", "/api/me").Json().at("passkey_origin").as_string(),
            "https://chat.example");
  TestAuthenticator local(PasskeyAlgorithm::kEs256, "localhost");
  EXPECT_EQ(Add(ada, local, OriginOf(running)).Error("reason"), "bad_request");
  TestAuthenticator authenticator(PasskeyAlgorithm::kEs256, "chat.example");
  EXPECT_EQ(Add(ada, authenticator, "https://evil.example").Error("reason"), "bad_request");
  ASSERT_EQ(Add(ada, authenticator, "https://chat.example").status, 201);
  Browser elsewhere(running.port, "chat.example");
  EXPECT_EQ(LogIn(elsewhere, authenticator, OriginOf(running)).status, 401);
  EXPECT_EQ(LogIn(elsewhere, authenticator, "https://chat.example").status, 200);
}

TEST(Passkeys, WithoutAnAddressThereAreNoneButAtLocalhost) {
  RunningService running(AccountSettings("open"));
  for (const char* host : {"127.0.0.1", "[::1]", "127.0.0.1:1"}) {
    Connection connection(running.port);
    connection.Send(
        fmt::format("POST /api/session/passkey/options HTTP/1.1\r\nHost: {}\r\n"
                    "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}",
                    host));
    EXPECT_EQ(connection.Read().Error("reason"), "unsupported") << host;
  }
  Connection connection(running.port);
  connection.Send(
      "POST /api/session/passkey/options HTTP/1.1\r\nHost: evil.example\r\n"
      "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(connection.Read().Error("reason"), "foreign_host");
}

TEST(Passkeys, WhatNoBrowserWritesIsABadRequest) {
  RunningService running(AccountSettings("open"));
  Browser nobody(running.port);
  const std::string large(20'000, 'A');
  const std::string response = R"("response":{"clientDataJSON":"e30"})";
  for (const std::string& credential : {
           std::string("null"),
           std::string("[]"),
           std::string("{}"),
           R"({"id":"AAAA","rawId":"AAAA",)" + response + "}",
           R"({"type":"public-key","id":"AAAA","rawId":"BBBB",)" + response + "}",
           R"({"type":"public-key","id":"A=","rawId":"A=",)" + response + "}",
           R"({"type":"public-key","id":"AAAA","rawId":"AAAA","response":[]})" + std::string(),
           R"({"type":"public-key","id":"AAAA","rawId":"AAAA","response":{"signature":1}})" +
               std::string(),
           R"({"type":"public-key","id":"AAAA","rawId":"AAAA","response":{"signature":")" + large +
               R"("}})",
       }) {
    const Response refused = nobody.Send("POST", "/api/session/passkey", Body(credential));
    EXPECT_EQ(refused.Error("reason"), "bad_request") << credential.substr(0, 100);
  }
}

// An operator who has a passkey, and came with the password.
TEST(Passkeys, WhatCouldDoHarmIsAskedOfWhoHasShownThemLately) {
  TempFolder state;
  std::vector<std::string> settings = AccountSettings("open");
  settings.push_back("HOLDFAST_UP_STATE_DIR=" + state.path().string());
  RunningService running(settings);
  const std::string origin = OriginOf(running);
  std::ifstream file(state.path() / "setup-link");
  std::string link;
  std::getline(file, link);
  Browser boss(running.port);
  ASSERT_EQ(boss.Send("POST", "/api/setup",
                      fmt::format(R"({{"token":"{}","name":"boss","password":"{}"}})",
                                  link.substr(link.find("token=") + 6), kPassword))
                .status,
            201);
  TestAuthenticator authenticator(PasskeyAlgorithm::kEdDsa, "localhost");
  ASSERT_EQ(Add(boss, authenticator, origin).status, 201);
  Browser thief(running.port);
  ASSERT_EQ(LogInByPassword(thief, "boss").status, 200);

  const std::string password = fmt::format(R"({{"password":"{}"}})", kPassword);
  const struct {
    const char* method;
    const char* path;
    std::string body = "{}";
  } harmful[] = {
      {"PUT", "/api/admin/registration", R"({"mode":"closed"})"},
      {"POST", "/api/admin/accounts/x/approve"},
      {"POST", "/api/admin/accounts/x/restrict", R"({"reason":"r"})"},
      {"POST", "/api/admin/accounts/x/unrestrict"},
      {"POST", "/api/admin/accounts/x/quota", R"({"tokens_per_day":1})"},
      {"POST", "/api/admin/invitations", R"({"note":"n","uses":1})"},
      {"DELETE", "/api/admin/invitations/x", ""},
      {"GET", "/api/admin/outbox", ""},
      {"POST", "/api/me/password", fmt::format(R"({{"current":"{}","new":"x"}})", kPassword)},
      {"POST", "/api/me/totp", password},
      {"POST", "/api/me/totp/remove", password},
      {"POST", "/api/me/keys", R"({"name":"k"})"},
      {"POST", "/api/me/delete", password},
      {"POST", "/api/me/passkeys/options"},
      {"POST", "/api/me/passkeys"},
      {"DELETE", "/api/me/passkeys/x", ""},
  };
  const auto refused = [](Browser& browser, const auto& act) {
    return browser.Send(act.method, act.path, act.body).Error("reason") == "second_factor_required";
  };
  for (const auto& act : harmful) {
    EXPECT_TRUE(refused(thief, act)) << act.method << act.path;
    // All but what would end the test.
    if (std::string_view(act.path) == "/api/me/delete") continue;
    EXPECT_FALSE(refused(boss, act)) << act.method << act.path;
  }
  for (const char* path : {"/api/admin/accounts", "/api/admin/invitations",
                           "/api/admin/registration", "/api/me/passkeys", "/api/me/keys"}) {
    EXPECT_EQ(thief.Send("GET", path).status, 200) << path;
  }
  const Response by_password = thief.Send("POST", "/api/me/confirm", password);
  EXPECT_EQ(by_password.status, 401);
  EXPECT_EQ(by_password.Error("reason"), "second_factor_required");
  EXPECT_EQ(by_password.Error("message"), "Show a passkey again for this.");
  const std::string challenge = ChallengeOf(thief, "/api/me/confirm/options");
  ASSERT_EQ(
      thief.Send("POST", "/api/me/confirm", Body(authenticator.AssertionJson(challenge, origin)))
          .status,
      204);
  EXPECT_EQ(thief.Send("GET", "/api/admin/outbox").status, 200);
}

}  // namespace
}  // namespace holdfast::testing
