// A gateway that ends TLS itself, as a browser sees it.
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/browser.h"
#include "api/service.h"
#include "net/io_threads.h"
#include "net/stream.h"
#include "net/tls_client.h"

namespace holdfast::testing {
namespace {

// Sends one request, and reads to the end of the connection.
net::Awaitable<void> Ask(net::Endpoint endpoint, const net::TlsClient& tls, std::string request,
                         std::promise<std::string>& answer) {
  std::string bytes;
  auto stream =
      co_await net::Dial(endpoint, {.deadline = net::Clock::now() + kPatience, .tls = &tls});
  if (stream && co_await (*stream)->WriteAll(request)) {
    constexpr std::size_t kAtOnce = 64 << 10;
    while (const auto count = co_await (*stream)->AppendSome(bytes, kAtOnce)) {
      if (*count == 0) break;
    }
  }
  if (!stream) bytes = stream.error().message;
  answer.set_value(std::move(bytes));
}

// Trusts that certificate alone, for localhost.
std::string AskOverTls(int port, const std::filesystem::path& certificate, std::string request) {
  const auto tls = net::TlsClient::Open({.ca_file = certificate, .server_name = "localhost"});
  if (!tls) return tls.error().message;
  net::IoThreads threads(1);
  std::promise<std::string> answer;
  const auto endpoint = net::ParseEndpoint(fmt::format("127.0.0.1:{}", port));
  threads.Spawn(0, Ask(*endpoint, **tls, std::move(request), answer));
  std::string bytes = answer.get_future().get();
  threads.Stop();
  return bytes;
}

TEST(Https, TheCookieIsForThisHostAloneAndTheBrowserIsHeldToHttps) {
  TempFolder folder;
  const std::string state = "HOLDFAST_UP_STATE_DIR=" + (folder.path() / "state").string();
  Service certificate({"certificate", "self-signed", "--out", folder.path()}, {state});
  ASSERT_EQ(certificate.WaitEnd(), 0) << certificate.Log();
  std::vector<std::string> settings = AccountSettings("open");
  settings.insert(
      settings.end(),
      {state, "HOLDFAST_GATEWAY_TLS_CERTIFICATE=" + (folder.path() / "certificate.pem").string(),
       "HOLDFAST_GATEWAY_TLS_KEY=" + (folder.path() / "certificate.key").string()});
  Service gateway({"gateway", "--listen", "127.0.0.1:0", "--engine", "unix:/tmp/holdfast-no-such"},
                  settings);
  const auto url = gateway.WaitLog("listening on https://");
  ASSERT_TRUE(url) << gateway.Log();

  const std::string body = fmt::format(R"({{"name":"ada","password":"{}"}})", kPassword);
  const std::string answer = AskOverTls(
      PortIn(*url), folder.path() / "certificate.pem",
      fmt::format("POST /api/accounts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                  "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                  body.size(), body));
  ASSERT_TRUE(answer.starts_with("HTTP/1.1 201 ")) << answer << gateway.Log();
  EXPECT_NE(answer.find("Set-Cookie: __Host-holdfast="), std::string::npos) << answer;
  const std::size_t at = answer.find("Set-Cookie: ");
  const std::string cookie = answer.substr(at, answer.find("\r\n", at) - at);
  for (const char* part : {"; Path=/;", "; HttpOnly", "; SameSite=Lax", "; Secure"}) {
    EXPECT_NE(cookie.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(cookie.find("Domain"), std::string::npos);
  EXPECT_NE(answer.find("Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"),
            std::string::npos)
      << answer;
}

}  // namespace
}  // namespace holdfast::testing
