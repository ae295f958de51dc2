#include "server/http_settings.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/api_error.h"

namespace holdfast::server {
namespace {

// The whole answer for a connection that is not even read.
std::string MakeConnectionRefusal(Reason reason) {
  const api::ApiError error = api::ToApiError(reason);
  const std::string body = api::ErrorText(error, api::Dialect::kOpenAi, {});
  std::string text =
      fmt::format("HTTP/1.1 {} {}\r\n", error.Status(), http::StatusText(error.Status()));
  for (const http::Header& header : api::RetryHeaders(error)) {
    text += fmt::format("{}: {}\r\n", header.name, header.value);
  }
  return text + fmt::format(
                    "Content-Type: application/json\r\nContent-Length: {}\r\n"
                    "Content-Security-Policy: default-src 'none'; base-uri 'none'; frame-ancestors "
                    "'none'\r\n"
                    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
                    "Connection: close\r\n\r\n{}",
                    body.size(), body);
}

// Made once: they are for floods.
std::function<std::string(Reason)> ConnectionRefusals() {
  auto texts = std::make_shared<std::vector<std::string>>();
  for (int i = 0; i < kReasonCount; ++i) {
    texts->push_back(MakeConnectionRefusal(static_cast<Reason>(i)));
  }
  return [texts = std::shared_ptr<const std::vector<std::string>>(std::move(texts))](
             Reason reason) { return (*texts)[static_cast<std::size_t>(reason)]; };
}

}  // namespace

http::ServerOptions MakeServerOptions(const HttpConfig& config,
                                      const net::ConnectionLimits& connections) {
  using std::chrono::seconds;
  http::ServerOptions options;
  options.head.head_bytes_max = static_cast<std::size_t>(config.head_bytes_max);
  options.head.target_bytes_max = options.head.head_bytes_max / 2;
  options.head.header_count_max = static_cast<std::size_t>(config.header_count_max);
  options.head.head_time_max = seconds(config.head_seconds_max);
  options.head.idle_time_max = seconds(config.idle_seconds_max);
  options.connection.write_stall_max = seconds(config.write_stall_seconds_max);
  options.connections = connections;
  options.connection_refusal = ConnectionRefusals();
  return options;
}

http::BodyLimits MakeBodyLimits(const HttpConfig& config) {
  http::BodyLimits limits;
  limits.bytes_max = static_cast<std::size_t>(config.body_mib_max) << 20;
  limits.time_max = std::chrono::seconds(config.body_seconds_max);
  return limits;
}

}  // namespace holdfast::server
