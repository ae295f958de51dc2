// Browser: somebody who comes to the account API of a running service. Single-threaded.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "api/service.h"

namespace holdfast::testing {

inline constexpr std::string_view kPassword = "otter kettle violin marble";

// It keeps its cookie, and says where its page is from.
class Browser {
 public:
  explicit Browser(int port) : port_(port), host_(fmt::format("localhost:{}", port)) {}
  // Who comes to `host` over HTTPS, through a proxy on this machine.
  Browser(int port, std::string host)
      : port_(port),
        host_(std::move(host)),
        scheme_("https"),
        proxy_headers_("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n") {}

  Response Send(std::string_view method, std::string_view path, const std::string& body = {},
                std::string_view origin = {}) {
    return SendAs("application/json", method, path, body, origin);
  }
  Response Upload(std::string_view path, const std::string& file, std::string_view type) {
    return SendAs(type, "POST", path, file, {});
  }
  Response Register(std::string_view name) {
    return Send("POST", "/api/accounts",
                fmt::format(R"({{"name":"{}","password":"{}"}})", name, kPassword));
  }
  const std::string& cookie() const { return cookie_; }
  void SetCookie(std::string cookie) { cookie_ = std::move(cookie); }

 private:
  Response SendAs(std::string_view type, std::string_view method, std::string_view path,
                  const std::string& body, std::string_view origin) {
    Connection connection(port_);
    const std::string from = origin.empty() ? scheme_ + "://" + host_ : std::string(origin);
    connection.Send(
        fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\n{}{}Content-Type: {}\r\n"
                    "Content-Length: {}\r\n\r\n{}",
                    method, path, host_, from, proxy_headers_,
                    cookie_.empty() ? "" : "Cookie: " + cookie_ + "\r\n", type, body.size(), body));
    Response response = connection.Read();
    const auto set = response.headers.find("set-cookie");
    if (set != response.headers.end()) Keep(set->second);
    return response;
  }

  // The session's cookie. That of the device, which only vouches for it, is left out.
  void Keep(const std::string& lines) {
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) {
      if (line.find("-device=") == std::string::npos) cookie_ = line.substr(0, line.find(';'));
    }
  }

  const int port_;
  const std::string host_;
  const std::string scheme_ = "http";
  const std::string proxy_headers_;
  std::string cookie_;
};

// A chat of a program with an API key, as it is sent.
inline std::string ChatText(std::string_view key, std::string_view body) {
  return fmt::format(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n"
      "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      key, body.size(), body);
}
inline Response AskWithKey(int port, std::string_view key, std::string_view body) {
  Connection connection(port);
  connection.Send(ChatText(key, body));
  return connection.Read();
}

// Makes `boss` the first operator, by the link that a service has put into its state folder.
inline Response BecomeOperator(Browser& boss, const std::filesystem::path& state_dir) {
  std::ifstream file(state_dir / "setup-link");
  std::string link;
  std::getline(file, link);
  const std::size_t at = link.find("token=");
  const std::string token = at == std::string::npos ? "" : link.substr(at + 6);
  return boss.Send(
      "POST", "/api/setup",
      fmt::format(R"({{"token":"{}","name":"boss","password":"{}"}})", token, kPassword));
}

inline std::vector<std::string> AccountSettings(std::string registration,
                                                std::string anonymous = "off") {
  return {"HOLDFAST_ACCOUNTS_REGISTRATION=" + std::move(registration),
          "HOLDFAST_ACCOUNTS_ANONYMOUS=" + std::move(anonymous), "HOLDFAST_ACCOUNTS_PASSWORD_MS=1"};
}

}  // namespace holdfast::testing
