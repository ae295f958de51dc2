#include "http/url.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(Url, TakesAnAddressApart) {
  struct Case {
    const char* text;
    bool is_https;
    const char* host;
    int port;
    const char* target;
    bool is_loopback;
  };
  const Case kCases[] = {
      {"https://id.example/a/b?c=d", true, "id.example", 443, "/a/b?c=d", false},
      {"https://id.example", true, "id.example", 443, "/", false},
      {"https://id.example?x", true, "id.example", 443, "/?x", false},
      {"http://localhost:9000/x", false, "localhost", 9000, "/x", true},
      {"http://127.0.0.1:9000", false, "127.0.0.1", 9000, "/", true},
      {"http://[::1]:9000/", false, "::1", 9000, "/", true},
      {"http://localhost.evil.example/", false, "localhost.evil.example", 80, "/", false},
      {"http://127.0.0.1.evil.example/", false, "127.0.0.1.evil.example", 80, "/", false},
  };
  for (const Case& each : kCases) {
    const auto url = ParseUrl(each.text);
    ASSERT_TRUE(url) << each.text;
    EXPECT_EQ(url->is_https, each.is_https) << each.text;
    EXPECT_EQ(url->endpoint.host, each.host) << each.text;
    EXPECT_EQ(url->endpoint.port, each.port) << each.text;
    EXPECT_EQ(url->target, each.target) << each.text;
    EXPECT_EQ(url->IsLoopback(), each.is_loopback) << each.text;
  }
}

TEST(Url, RefusesWhatIsNoAddressOfAServer) {
  for (const char* text :
       {"", "id.example", "ftp://id.example", "javascript:alert(1)", "https://", "https:///path",
        "https://user@id.example/", "https://user:word@id.example/", "https://id.example/#part",
        "https://id.example/a b", "https://id.example/\r\nX: y", "https://id.example:0/",
        "https://id.example:99999/", "https://id.example:port/", "https://id.example\\@evil",
        "https://unix:/run/x"}) {
    EXPECT_FALSE(ParseUrl(text)) << text;
  }
  EXPECT_FALSE(ParseUrl("https://id.example/" + std::string(kUrlBytesMax, 'x')));
}

TEST(Url, EncodesAFormSoThatNoValueEndsItsField) {
  EXPECT_EQ(EncodeForm({{"a", "1"}, {"b", "x y&c=d"}, {"ü", "+%"}}),
            "a=1&b=x%20y%26c%3Dd&%C3%BC=%2B%25");
  EXPECT_EQ(EncodeForm({}), "");
}

}  // namespace
}  // namespace holdfast::http
