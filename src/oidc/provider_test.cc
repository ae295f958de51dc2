// A provider over real sockets, by a server that says what a test tells it to.
#include "oidc/provider.h"

#include <atomic>
#include <future>
#include <map>
#include <mutex>

#include <gtest/gtest.h>

#include "http/server.h"
#include "net/event.h"
#include "net/io_threads.h"
#include "oidc/testing/tokens.h"

namespace holdfast::oidc {
namespace {

using testing::JwkOf;
using testing::KeySetText;
using testing::MakeToken;
using testing::SigningKey;

constexpr std::int64_t kNow = 1'800'000'000'000;
// Of a provider that takes a request and says nothing.
constexpr int kSilence = 0;

class ProviderTest : public ::testing::Test {
 protected:
  struct Said {
    int status = 200;
    std::string body;
  };

  ProviderTest()
      : threads_(2),
        server_(
            threads_, {}, [this](http::Exchange& exchange) { return Serve(exchange); },
            [](http::Exchange& exchange, const http::Refusal&) { return Refuse(exchange); }) {
    EXPECT_TRUE(server_.Listen({.path = {}, .host = "127.0.0.1", .port = 0}));
    url_ = fmt::format("http://127.0.0.1:{}", server_.endpoints().front().port);
    Say("/.well-known/openid-configuration", {200, json::Write(Document())});
    Say("/jwks", {200, KeySetText({JwkOf(key_, "first")})});
    Open(Spec());
  }
  ProviderSpec Spec() const {
    ProviderSpec spec;
    spec.id = "school";
    spec.name = "School";
    spec.issuer = url_;
    spec.client_id = "hold fast";
    spec.client_secret = Secret("s:e%cret");
    spec.scopes = {"openid", "email"};
    spec.redirect_uri = "http://localhost:8080/api/oidc/school/callback";
    spec.fetch_time_max = std::chrono::seconds(20);
    return spec;
  }
  void Open(ProviderSpec spec) {
    auto made = Provider::Make(std::move(spec), [this] { return now_.load(); });
    EXPECT_TRUE(made) << made.error().message;
    provider_ = std::move(*made);
  }
  ~ProviderTest() override {
    server_.Drain(std::chrono::seconds(0));
    threads_.Stop();
  }

  json::Object Document() const {
    return {{"issuer", url_},
            {"authorization_endpoint", url_ + "/auth"},
            {"token_endpoint", url_ + "/token"},
            {"jwks_uri", url_ + "/jwks"},
            {"authorization_response_iss_parameter_supported", true}};
  }

  void Say(const std::string& path, Said said) {
    const std::lock_guard lock(mutex_);
    said_[path] = std::move(said);
  }
  void SayToken(const SigningKey& key, std::string_view id) {
    const json::Object claims{{"iss", url_},        {"aud", "hold fast"},
                              {"sub", "1"},         {"nonce", secrets_.nonce},
                              {"iat", now_ / 1000}, {"exp", now_ / 1000 + 60}};
    const json::Object head{{"alg", testing::AlgorithmOf(key)}, {"kid", id}};
    const json::Object body{{"id_token", MakeToken(json::Write(head), json::Write(claims), key)},
                            {"access_token", "access"},
                            {"token_type", "Bearer"}};
    Say("/token", {200, json::Write(body)});
  }
  int CountOf(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return asked_[path];
  }

  net::Awaitable<void> Serve(http::Exchange& exchange) {
    const http::BodyLimits limits;
    auto body = co_await exchange.ReadBody(limits);
    Said said;
    said.status = 404;
    {
      const std::lock_guard lock(mutex_);
      ++asked_[exchange.head().path];
      if (body && !body->empty()) {
        last_body_ = *body;
        last_authorization_ = exchange.head().Find("authorization");
      }
      const auto found = said_.find(exchange.head().path);
      if (found != said_.end()) said = found->second;
    }
    if (said.status == kSilence) co_await Never();
    http::ResponseHead head;
    head.status = said.status;
    head.content_type = "application/json";
    if (said.status == 302) head.headers.push_back({"Location", url_ + "/elsewhere"});
    static_cast<void>(co_await exchange.Send(head, said.body));
  }

  // Until the test is over.
  static net::Awaitable<void> Never() {
    net::Event never(co_await net::CurrentExecutor());
    co_await never.Wait(net::Clock::now() + std::chrono::minutes(1));
  }

  static net::Awaitable<void> Refuse(http::Exchange& exchange) {
    http::ResponseHead head;
    head.status = 400;
    static_cast<void>(co_await exchange.Send(head, ""));
  }

  template <typename T>
  T Await(net::Awaitable<T> work) {
    std::promise<T> done;
    threads_.Spawn(0, Deliver(std::move(work), done));
    return done.get_future().get();
  }
  template <typename T>
  static net::Awaitable<void> Deliver(net::Awaitable<T> work, std::promise<T>& done) {
    done.set_value(co_await std::move(work));
  }
  Result<Claims> Exchange(Answer answer) {
    return Await(provider_->Exchange(secrets_, answer, std::nullopt));
  }
  Result<Claims> Exchange() { return Exchange({"code", url_}); }
  Result<std::string> AuthorizationUrl() {
    return Await(provider_->AuthorizationUrl(secrets_, false));
  }

  const SigningKey key_ = SigningKey::P256();
  const Secrets secrets_ = MakeSecrets();
  std::atomic<std::int64_t> now_ = kNow;
  std::string url_;
  std::mutex mutex_;
  std::map<std::string, Said> said_;
  std::map<std::string, int> asked_;
  std::string last_body_;
  std::string last_authorization_;
  std::unique_ptr<Provider> provider_;
  net::IoThreads threads_;
  http::Server server_;
};

TEST_F(ProviderTest, SendsPeopleThereWithPkceAndNothingOfTheVerifier) {
  const auto url = AuthorizationUrl();
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_TRUE(url->starts_with(url_ + "/auth?response_type=code&client_id=hold%20fast&")) << *url;
  EXPECT_NE(url->find("code_challenge_method=S256"), std::string::npos);
  EXPECT_NE(url->find("scope=openid%20email"), std::string::npos);
  EXPECT_NE(url->find("state=" + secrets_.state), std::string::npos);
  EXPECT_EQ(url->find(secrets_.verifier), std::string::npos);
  EXPECT_EQ(url->find("prompt="), std::string::npos);
  EXPECT_NE(Await(provider_->AuthorizationUrl(secrets_, true))->find("prompt=login&max_age=0"),
            std::string::npos);
}

TEST_F(ProviderTest, ExchangesACodeForWhoItIs) {
  SayToken(key_, "first");
  const auto claims = Exchange();
  ASSERT_TRUE(claims) << claims.error().message;
  EXPECT_EQ(claims->subject, "1");
  EXPECT_NE(last_body_.find("code_verifier=" + secrets_.verifier), std::string::npos);
  EXPECT_NE(last_body_.find("grant_type=authorization_code&code=code"), std::string::npos);
  EXPECT_EQ(last_authorization_, "Basic " + crypto::EncodeBase64("hold%20fast:s%3Ae%25cret"));
  EXPECT_EQ(last_body_.find("secret"), std::string::npos);
}

TEST_F(ProviderTest, ShowsACodeToNobodyButWhoGaveIt) {
  SayToken(key_, "first");
  EXPECT_EQ(Exchange({"code", "https://id.evil.example"}).error().code,
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(Exchange({"code", ""}).error().code, ErrorCode::kPermissionDenied)
      << "it says that it always names itself";
  EXPECT_EQ(Exchange({std::string(kCodeBytesMax + 1, 'c'), url_}).error().code,
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(CountOf("/token"), 0);
}

TEST_F(ProviderTest, KeepsWhatItFetchedForAWhile) {
  SayToken(key_, "first");
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Exchange());
  EXPECT_EQ(CountOf("/.well-known/openid-configuration"), 1);
  EXPECT_EQ(CountOf("/jwks"), 1);
  now_ += kKeepMs;
  SayToken(key_, "first");
  EXPECT_TRUE(Exchange());
  EXPECT_EQ(CountOf("/jwks"), 2);
  now_ += kKeepMs;
  SayToken(key_, "first");
  Say("/jwks", {500, ""});
  EXPECT_TRUE(Exchange()) << "what it said before still holds";
}

TEST_F(ProviderTest, FindsANewKeyAndDoesNotLookForOneAllTheTime) {
  SayToken(key_, "first");
  EXPECT_TRUE(Exchange());
  const SigningKey next = SigningKey::Rsa();
  now_ += kRefreshEveryMs;
  SayToken(next, "next");
  EXPECT_FALSE(Exchange()) << "not published";
  Say("/jwks", {200, KeySetText({JwkOf(key_, "first"), JwkOf(next, "next")})});
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Exchange());
  EXPECT_EQ(CountOf("/jwks"), 2);
  now_ += kRefreshEveryMs;
  SayToken(next, "next");
  EXPECT_TRUE(Exchange());
  EXPECT_EQ(CountOf("/jwks"), 3);
}

TEST_F(ProviderTest, OneThatIsAwayOrLiesIsSaidSoAndNotAskedAllTheTime) {
  const Said kLies[] = {{500, ""},
                        {302, ""},
                        {200, "<html>"},
                        {200, R"({"issuer": "https://id.evil.example"})"},
                        {200, std::string(2 * kAnswerBytesMax, ' ')}};
  int asked = 0;
  for (const Said& lie : kLies) {
    Say("/.well-known/openid-configuration", lie);
    EXPECT_EQ(AuthorizationUrl().error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(AuthorizationUrl().error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(CountOf("/.well-known/openid-configuration"), ++asked);
    now_ += kRefreshEveryMs;
  }
  EXPECT_EQ(CountOf("/elsewhere"), 0);
  Say("/.well-known/openid-configuration", {200, json::Write(Document())});
  EXPECT_TRUE(AuthorizationUrl());
}

TEST_F(ProviderTest, OneThatSaysNothingIsLeftAfterATime) {
  ProviderSpec spec = Spec();
  spec.fetch_time_max = std::chrono::milliseconds(50);
  Open(std::move(spec));
  Say("/.well-known/openid-configuration", {kSilence, ""});
  const auto url = AuthorizationUrl();
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().code, ErrorCode::kUnavailable);
}

TEST_F(ProviderTest, ARefusedCodeIsNotAProviderThatIsDown) {
  struct Case {
    Said said;
    ErrorCode code;
  };
  for (const Case& each :
       {Case{{400, R"({"error":"invalid_grant"})"}, ErrorCode::kPermissionDenied},
        {{500, ""}, ErrorCode::kUnavailable},
        {{200, "[]"}, ErrorCode::kUnavailable},
        {{200, R"({"access_token":"a"})"}, ErrorCode::kUnavailable},
        {{200, R"({"id_token":"a.b.c"})"}, ErrorCode::kPermissionDenied},
        {{200, std::string(2 * kAnswerBytesMax, ' ')}, ErrorCode::kUnavailable}}) {
    Say("/token", each.said);
    const auto claims = Exchange();
    ASSERT_FALSE(claims);
    EXPECT_EQ(claims.error().code, each.code) << claims.error().message;
  }
  SayToken(SigningKey::P256(), "first");
  EXPECT_EQ(Exchange().error().code, ErrorCode::kPermissionDenied);
}

}  // namespace
}  // namespace holdfast::oidc
