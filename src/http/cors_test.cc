#include "http/cors.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

const CorsRules kListed{{"https://app.example", "http://localhost:3000"}, true};
const CorsRules kAll{{"*"}, true};

RequestHead Preflight(std::string origin, std::string fields = "authorization") {
  RequestHead head;
  head.method = Method::kOptions;
  head.headers = {{"Origin", std::move(origin)},
                  {"Access-Control-Request-Method", "POST"},
                  {"Access-Control-Request-Headers", std::move(fields)}};
  return head;
}

std::string ValueOf(const std::vector<Header>& headers, std::string_view name) {
  return std::string(FindHeader(headers, name));
}

TEST(Cors, ListedOriginsMayAsk) {
  for (const char* origin : {"https://app.example", "http://localhost:3000"}) {
    const auto answer = AnswerPreflight(Preflight(origin), kListed, "GET, POST");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 204);
    EXPECT_EQ(answer->Find("Access-Control-Allow-Origin"), origin);
    EXPECT_EQ(answer->Find("Access-Control-Allow-Credentials"), "true");
    EXPECT_EQ(answer->Find("Access-Control-Allow-Methods"), "GET, POST");
    EXPECT_EQ(answer->Find("Access-Control-Allow-Headers"), "authorization");
    EXPECT_EQ(answer->Find("Access-Control-Max-Age"), "7200");
    EXPECT_TRUE(answer->Find("Vary").starts_with("Origin"));
  }
}

TEST(Cors, OtherOriginsMayNot) {
  const CorsRules none;
  for (const char* origin : {"https://evil.example", "http://app.example", "null",
                             "https://app.example:443", "https://app.example.evil.example"}) {
    const auto answer = AnswerPreflight(Preflight(origin), kListed, "GET");
    ASSERT_FALSE(answer) << origin;
    EXPECT_EQ(answer.error().status, 403);
    const std::vector<Header> headers = CorsHeaders(Preflight(origin), kListed);
    EXPECT_EQ(ValueOf(headers, "Access-Control-Allow-Origin"), "") << origin;
    EXPECT_EQ(ValueOf(headers, "Vary"), "Origin") << "caches must keep the answers apart";
    EXPECT_FALSE(AnswerPreflight(Preflight(origin), none, "GET"));
    EXPECT_TRUE(CorsHeaders(Preflight(origin), none).empty());
  }
}

TEST(Cors, AllOriginsNeverGoWithCredentials) {
  const auto answer = AnswerPreflight(Preflight("https://any.example"), kAll, "GET");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->Find("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(answer->Find("Access-Control-Allow-Credentials"), "");
  const std::vector<Header> headers = CorsHeaders(Preflight("https://any.example"), kAll);
  EXPECT_EQ(ValueOf(headers, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(ValueOf(headers, "Access-Control-Allow-Credentials"), "");
}

TEST(Cors, AllowsTheFieldsOfClientsOnly) {
  const std::pair<std::string, std::string> cases[] = {
      {"authorization,content-type", "authorization, content-type"},
      {"X-Stainless-OS, x-stainless-retry-count", "X-Stainless-OS, x-stainless-retry-count"},
      {"x-stainless-", ""},
      {"cookie, authorization, x-forwarded-for", "authorization"},
      {"x-stainless-a\r\nset-cookie: b", ""},
      {" ,, accept ,", "accept"},
      {"", ""},
  };
  for (const auto& [asked, allowed] : cases) {
    const auto answer = AnswerPreflight(Preflight("https://app.example", asked), kListed, "GET");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->Find("Access-Control-Allow-Headers"), allowed) << asked;
  }
}

TEST(Cors, LooksAtALimitedNumberOfFields) {
  std::string asked;
  for (int i = 0; i < 64; ++i) asked += "nothing,";
  const auto answer =
      AnswerPreflight(Preflight("https://app.example", asked + "accept"), kListed, "GET");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->Find("Access-Control-Allow-Headers"), "");
}

TEST(Cors, AnswersExposeWhatClientsRead) {
  RequestHead head;
  head.headers = {{"Origin", "https://app.example"}};
  const std::vector<Header> headers = CorsHeaders(head, kListed);
  EXPECT_EQ(ValueOf(headers, "Access-Control-Allow-Origin"), "https://app.example");
  const std::string exposed = ValueOf(headers, "Access-Control-Expose-Headers");
  EXPECT_NE(exposed.find("x-request-id"), std::string::npos);
  EXPECT_NE(exposed.find("retry-after"), std::string::npos);
}

TEST(Cors, APreflightIsAnOptionsThatNamesOriginAndMethod) {
  EXPECT_TRUE(IsPreflight(Preflight("https://app.example")));
  RequestHead head = Preflight("https://app.example");
  head.method = Method::kPost;
  EXPECT_FALSE(IsPreflight(head));
  head.method = Method::kOptions;
  head.headers = {{"Origin", "https://app.example"}};
  EXPECT_FALSE(IsPreflight(head));
  head.headers = {{"Access-Control-Request-Method", "POST"}};
  EXPECT_FALSE(IsPreflight(head));
}

TEST(Cors, ASettingNamesOriginsAsBrowsersDo) {
  for (const char* origin : {"*", "https://app.example", "http://localhost:3000", "http://[::1]:1",
                             "https://192.0.2.1"}) {
    EXPECT_TRUE(CheckOrigin(origin)) << origin;
  }
  for (const char* origin :
       {"", "null", "app.example", "https://app.example/", "https://", "https://App.example",
        "ftp://app.example", "https://a.example:", "https://a b"}) {
    EXPECT_FALSE(CheckOrigin(origin)) << origin;
  }
}

}  // namespace
}  // namespace holdfast::http
