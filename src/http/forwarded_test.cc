#include "http/forwarded.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

const std::vector<net::Network> kTrusted{*net::Network::Parse("10.0.0.0/8"),
                                         *net::Network::Parse("2001:db8:f::/48"),
                                         *net::Network::Parse("unix")};

std::string Describe(const std::expected<ClientFacts, Refusal>& client) {
  if (!client) return fmt::format("{}", client.error().status);
  return client->address.ToString() + (client->is_encrypted ? " https" : "") +
         (client->host.empty() ? "" : " " + client->host);
}

std::string Ask(std::vector<Header> headers, std::string_view peer = "10.0.0.1") {
  RequestHead head;
  head.headers = std::move(headers);
  const ClientFacts facts{net::Address::Parse(peer).value(), false, {}};
  return Describe(ClientOf(head, facts, kTrusted));
}

TEST(Forwarded, NamesTheClientOfATrustedProxy) {
  const std::pair<const char*, const char*> cases[] = {
      {"for=192.0.2.1", "192.0.2.1"},
      {"For=\"192.0.2.1:4711\";Proto=https;by=203.0.113.43", "192.0.2.1 https"},
      {"for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"},
      {"for=\"[2001:db8:cafe::17]\";host=\"chat.example:8443\"",
       "2001:db8:cafe::17 chat.example:8443"},
      {"for=\"192.0.2.1:_port\"", "192.0.2.1"},
      {"for=\"192.0.2.\\1\"", "192.0.2.1"},
      {"proto=http;for=192.0.2.1;secret=\"a,b;c=\\\"d\\\"\"", "192.0.2.1"},
      // From the right, past trusted proxies, and no further.
      {"for=198.51.100.9, for=192.0.2.1", "192.0.2.1"},
      {"for=198.51.100.9;proto=https , for=192.0.2.1,for=10.2.2.2;proto=http", "192.0.2.1"},
      {"for=198.51.100.9, for=192.0.2.1;proto=https, for=\"[2001:db8:f::1]\";proto=http",
       "192.0.2.1 https"},
      {"for=10.0.0.9", "10.0.0.9"},
      // Hidden clients.
      {"for=unknown", "10.0.0.1"},
      {"for=192.0.2.1, for=_hidden", "10.0.0.1"},
      {"for=192.0.2.1, for=_hidden, for=10.3.3.3", "10.3.3.3"},
      {"for=192.0.2.1, by=10.0.0.1", "10.0.0.1"},
  };
  for (const auto& [value, client] : cases) EXPECT_EQ(Ask({{"Forwarded", value}}), client) << value;
}

TEST(Forwarded, RefusesAMalformedHeader) {
  for (const char* value : {"192.0.2.1",
                            "for=",
                            "for",
                            "=192.0.2.1",
                            "for=\"192.0.2.1",
                            "for=192.0.2.1,",
                            "for=192.0.2.1;",
                            "for =192.0.2.1",
                            "for=192.0.2.1:80",
                            "for=2001:db8::1",
                            "for=\"2001:db8::1\"",
                            "for=\"[192.0.2.1]\"",
                            "for=\"[2001:db8::1\"",
                            "for=300.0.0.1",
                            "for=\"192.0.2.1:\"",
                            "for=\"192.0.2.1:123456\"",
                            "for=unix",
                            "for=example",
                            "for=192.0.2.1;proto=gopher",
                            "for=192.0.2.1 proto=http",
                            "for=\"_\"",
                            "for=_a/b"}) {
    EXPECT_EQ(Ask({{"Forwarded", value}}), "400") << value;
  }
}

TEST(Forwarded, IsIgnoredFromWhoIsNotTrusted) {
  EXPECT_EQ(Ask({{"Forwarded", "for=192.0.2.1"}}, "198.51.100.1"), "198.51.100.1");
  EXPECT_EQ(Ask({{"X-Forwarded-For", "192.0.2.1"}}, "198.51.100.1"), "198.51.100.1");
  EXPECT_EQ(Ask({{"Forwarded", "nonsense"}}, "198.51.100.1"), "198.51.100.1");
  EXPECT_EQ(Ask({{"Forwarded", "for=192.0.2.1"}}, "unix"), "192.0.2.1");
}

TEST(XForwardedFor, NamesTheClientOfATrustedProxy) {
  const std::pair<const char*, const char*> cases[] = {
      {"192.0.2.1", "192.0.2.1"},
      {" 192.0.2.1:4711 ", "192.0.2.1"},
      {"2001:db8::7", "2001:db8::7"},
      {"[2001:db8::7]:80", "2001:db8::7"},
      {"198.51.100.9,192.0.2.1, 10.9.9.9", "192.0.2.1"},
      {"unknown", "10.0.0.1"},
  };
  for (const auto& [value, client] : cases) {
    EXPECT_EQ(Ask({{"X-Forwarded-For", value}}), client) << value;
  }
  EXPECT_EQ(Ask({{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-Proto", "https"}}),
            "192.0.2.1 https");
  EXPECT_EQ(Ask({{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-Proto", "https, http"}}),
            "192.0.2.1")
      << "the nearest proxy's word holds";
}

TEST(XForwardedFor, RefusesAMalformedHeader) {
  for (const char* value : {",", "192.0.2.1,", "a.example", "192.0.2.1 192.0.2.2", "unix",
                            "192.0.2.1:x", "\"192.0.2.1\""}) {
    EXPECT_EQ(Ask({{"X-Forwarded-For", value}}), "400") << value;
  }
  EXPECT_EQ(Ask({{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-Proto", "ftp"}}), "400");
}

TEST(XForwardedFor, FieldsAreOneListInTheirOrder) {
  EXPECT_EQ(Ask({{"X-Forwarded-For", "192.0.2.1"}, {"x-forwarded-for", "192.0.2.2"}}), "192.0.2.2");
  EXPECT_EQ(Ask({{"Forwarded", "for=192.0.2.1"}, {"forwarded", "for=10.1.1.1"}}), "192.0.2.1");
}

TEST(XForwardedFor, HasToAgreeWithForwarded) {
  EXPECT_EQ(Ask({{"X-Forwarded-For", "192.0.2.1"}, {"Forwarded", "for=192.0.2.1"}}), "192.0.2.1");
  EXPECT_EQ(Ask({{"X-Forwarded-For", "192.0.2.1"}, {"Forwarded", "for=192.0.2.2"}}), "400");
}

TEST(XForwardedFor, HasALimitOfElements) {
  std::string list = "192.0.2.1";
  for (int i = 1; i < 64; ++i) list += ",10.0.0.1";
  EXPECT_EQ(Ask({{"X-Forwarded-For", list}}), "192.0.2.1");
  EXPECT_EQ(Ask({{"X-Forwarded-For", list + ",10.0.0.1"}}), "400");
}

}  // namespace
}  // namespace holdfast::http
