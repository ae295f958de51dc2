#include "server/http_settings.h"

#include "api/api_error.h"

namespace holdfast::server {
namespace {

// The whole answer for a connection that is not even read.
std::string ConnectionRefusal(Reason reason) {
  api::ApiError error;
  error.reason = reason;
  error.message = "This connection was not taken. Please try again shortly.";
  const std::string body = json::Write(api::ErrorBody(error, {}));
  std::string text = fmt::format("HTTP/1.1 503 {}\r\n", http::StatusText(503));
  for (const http::Header& header : api::RetryHeaders(error)) {
    text += fmt::format("{}: {}\r\n", header.name, header.value);
  }
  return text + fmt::format(
                    "Content-Type: application/json\r\nContent-Length: {}\r\n"
                    "Connection: close\r\n\r\n{}",
                    body.size(), body);
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
  options.connection_refusal = ConnectionRefusal;
  return options;
}

PipelineOptions MakePipelineOptions(const HttpConfig& config, bool is_behind_gateway) {
  PipelineOptions options;
  options.body.bytes_max = static_cast<std::size_t>(config.body_mib_max) << 20;
  options.body.time_max = std::chrono::seconds(config.body_seconds_max);
  options.is_behind_gateway = is_behind_gateway;
  return options;
}

}  // namespace holdfast::server
