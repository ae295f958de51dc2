#include "server/request_steps.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <utility>

#include "api/ids.h"

namespace holdfast::server {
namespace {

// A media type by its grammar (RFC 9110, section 8.3.1): type, then parameters, blanks around both.
bool IsOfType(std::string_view content_type, std::string_view wanted) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return http::EqualsNoCase(type, wanted);
}

// A file of tens of MiB comes over a line that is slow upwards.
constexpr std::chrono::seconds kFileTimeMax{120};

// What a request's connection knows of its end wins over what its call saw of it.
api::ApiError WhyEnded(http::Exchange& exchange, const api::ApiError& error) {
  if (exchange.is_reader_too_slow()) return api::ToApiError(Reason::kSlowReader);
  if (exchange.stop().is_stopped()) return api::ToApiError(exchange.stop().reason());
  if (exchange.is_peer_gone()) return api::ToApiError(Reason::kClientLeft);
  return error;
}

}  // namespace

std::string NewRequestId() { return api::NewId("req_"); }

bool IsSafeId(std::string_view id) {
  constexpr std::size_t kIdBytesMax = 64;
  return !id.empty() && id.size() <= kIdBytesMax && std::ranges::all_of(id, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

api::ApiResult<void> CheckBodyHead(const http::RequestHead& head, const api::Endpoint& endpoint) {
  const auto refuse = [](int status, std::string message) {
    return std::unexpected(api::ToApiError(http::Refusal{status, std::move(message)}));
  };
  if (endpoint.body_bytes_max == 0) return {};
  if (!head.is_chunked && !head.content_length) {
    return refuse(411, "the request needs a body with its length");
  }
  // Strict, because pages of other origins can send any other type without asking first.
  const std::string_view type = head.Find("content-type");
  const bool is_file = endpoint.body == api::BodyKind::kFile;
  if (!IsOfType(type, "application/json") && !(is_file && IsOfType(type, "application/zip"))) {
    return refuse(415, is_file
                           ? "the file's Content-Type must be application/json or application/zip"
                           : "the request's Content-Type must be application/json");
  }
  if (const std::string_view coding = head.Find("content-encoding");
      !coding.empty() && coding != "identity") {
    return refuse(415, "a compressed body is not read here");
  }
  return {};
}

net::Awaitable<api::ApiResult<std::string>> ReadBody(http::Exchange& exchange,
                                                     const http::BodyLimits& limits,
                                                     const api::Endpoint& endpoint) {
  http::BodyLimits own = limits;
  if (endpoint.body == api::BodyKind::kFile) {
    own.bytes_max = endpoint.body_bytes_max;
    own.time_max = std::max<std::chrono::milliseconds>(own.time_max, kFileTimeMax);
  } else {
    own.bytes_max = std::min(own.bytes_max, endpoint.body_bytes_max);
  }
  if (own.bytes_max == 0 && !exchange.head().has_body()) co_return std::string{};
  std::expected<std::string, http::Refusal> body = co_await exchange.ReadBody(own);
  if (body) co_return std::move(*body);
  // Status 0: there is nobody left to answer.
  if (body.error().status == 0) {
    co_return std::unexpected(api::ToApiError(Reason::kClientLeft));
  }
  co_return std::unexpected(api::ToApiError(body.error()));
}

net::Awaitable<std::optional<Reason>> TellEnd(http::Exchange& exchange, api::Reply& reply,
                                              const api::ApiResult<void>& ended) {
  if (ended) co_return std::nullopt;
  const api::ApiError error = WhyEnded(exchange, ended.error());
  co_await reply.Fail(error);
  co_return error.reason;
}

}  // namespace holdfast::server
