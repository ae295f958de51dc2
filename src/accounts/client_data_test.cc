#include "accounts/client_data.h"

#include <gtest/gtest.h>

#include "accounts/relying_party.h"

namespace holdfast::accounts {
namespace {

TEST(ClientDataTest, IsReadStrictly) {
  const std::string long_text(kClientDataBytesMax, 'x');
  const struct {
    std::string json;
    bool is_taken;
  } cases[] = {
      {R"({"type":"webauthn.get","challenge":"c","origin":"o"})", true},
      {R"({"type":"webauthn.get","challenge":"c","origin":"o","crossOrigin":false})", true},
      // What browsers may add one day is read over.
      {R"({"type":"webauthn.get","challenge":"c","origin":"o","other":{"a":[1]}})", true},
      {R"({"type":"webauthn.get","challenge":"c","origin":"o","crossOrigin":true})", false},
      {R"({"type":"webauthn.get","challenge":"c","origin":"o","topOrigin":"o"})", false},
      {R"({"type":"webauthn.get","challenge":"c","origin":"o","crossOrigin":"false"})", false},
      {R"({"type":"webauthn.create","challenge":"c","origin":"o"})", false},
      {R"({"type":"WEBAUTHN.GET","challenge":"c","origin":"o"})", false},
      {R"({"type":1,"challenge":"c","origin":"o"})", false},
      {R"({"challenge":"c","origin":"o"})", false},
      {R"({"type":"webauthn.get","origin":"o"})", false},
      {R"({"type":"webauthn.get","challenge":["c"],"origin":"o"})", false},
      {R"({"type":"webauthn.get","challenge":"c"})", false},
      {R"(["webauthn.get"])", false},
      {R"({"type":"webauthn.get","challenge":"c","origin":"o"} )", true},
      {R"({"type":"webauthn.get","challenge":"c","origin":"o"}x)", false},
      {R"({"type":"webauthn.get","challenge":"c","origin":"o")", false},
      {R"({"type":"webauthn.get","challenge":"c","origin":"o","x":")" + long_text + R"("})", false},
      {"", false},
  };
  for (const auto& c : cases) {
    const auto data = ReadClientData(c.json, PasskeyAct::kGet);
    EXPECT_EQ(data.has_value(), c.is_taken) << c.json;
    if (!data) continue;
    EXPECT_EQ(data->challenge, "c");
    EXPECT_EQ(data->origin, "o");
  }
}

TEST(RelyingPartyTest, IsOfTheAddressThatIsSet) {
  const struct {
    const char* url;
    const char* id;  // Empty: there is none.
    const char* origin;
  } cases[] = {
      {"https://chat.example", "chat.example", "https://chat.example"},
      {"https://Chat.Example/", "chat.example", "https://chat.example"},
      {"https://chat.example:443/a", "chat.example", "https://chat.example"},
      {"https://chat.example:8443", "chat.example", "https://chat.example:8443"},
      {"http://localhost:8080", "localhost", "http://localhost:8080"},
      {"http://localhost:80", "localhost", "http://localhost"},
      {"http://chat.example", "", ""},
      {"https://192.0.2.1", "", ""},
      {"https://[::1]:8443", "", ""},
      {"https://", "", ""},
      {"https://chat.example:0", "", ""},
      {"https://chat.example:65536", "", ""},
      {"https://user@chat.example", "", ""},
      {"https://chat.example.", "", ""},
      {"ftp://chat.example", "", ""},
      {"chat.example", "", ""},
      {"", "", ""},
  };
  for (const auto& c : cases) {
    const auto party = RelyingPartyOf(c.url).value_or(RelyingParty{});
    EXPECT_EQ(party.id, c.id) << c.url;
    EXPECT_EQ(party.origin, c.origin) << c.url;
  }
}

TEST(RelyingPartyTest, OfARequestsHostIsLocalhostAlone) {
  EXPECT_EQ(LocalRelyingParty("localhost:8080", false)->origin, "http://localhost:8080");
  EXPECT_EQ(LocalRelyingParty("LOCALHOST", true)->origin, "https://localhost");
  for (const char* host : {"", "127.0.0.1:8080", "[::1]", "chat.example", "localhost.evil.example",
                           "localhost:", "localhost:x", "localhost."}) {
    EXPECT_FALSE(LocalRelyingParty(host, false)) << host;
  }
}

}  // namespace
}  // namespace holdfast::accounts
