// The heads of HTTP messages as plain values, and the limits on reading them. Value types.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/reason.h"
#include "base/result.h"

namespace holdfast::http {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };
std::string_view MethodName(Method method);

struct Header {
  std::string name;
  std::string value;
};

// ASCII alone, whatever the locale.
constexpr char LowerCase(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
// ASCII letters without their case, as in names of fields, hosts and schemes.
bool EqualsNoCase(std::string_view a, std::string_view b);

// The first field of that name, compared without case; empty if there is none.
std::string_view FindHeader(const std::vector<Header>& headers, std::string_view name);

// As on the wire: "name: value\r\n" each.
std::string ToLines(const std::vector<Header>& headers);

struct RequestHead {
  Method method = Method::kGet;
  // As sent, begins with '/'; its percent escapes are whole. Decoded segment by segment, so that
  // an escaped slash is no separator.
  std::string path;
  std::string query;  // As sent, without '?'.
  std::string host;   // As sent: the target's, when it names one, else of Host.
  bool is_http_1_0 = false;
  bool keeps_alive = true;
  bool expects_continue = false;
  bool is_chunked = false;
  std::optional<std::uint64_t> content_length;
  std::vector<Header> headers;

  std::string_view Find(std::string_view name) const { return FindHeader(headers, name); }
  // All fields of that name as one list (RFC 9110, section 5.3).
  std::string FindAll(std::string_view name) const;
  bool has_body() const { return is_chunked || content_length.value_or(0) > 0; }
};

struct ResponseHead {
  int status = 200;
  std::string content_type;  // Empty: no such header.
  std::vector<Header> headers;
  std::string lines;  // More of them, as of ToLines.

  std::string_view Find(std::string_view name) const { return FindHeader(headers, name); }
};

// Reason phrase of a status: "Not Found".
std::string_view StatusText(int status);

// Why a request is not served: the status to answer with, and a sentence for the client. Status 0:
// there is nobody to answer.
struct Refusal {
  int status = 0;
  std::string message;
  std::optional<Reason> reason = {};  // nullopt: what the status says.
};

struct HeadLimits {
  std::size_t head_bytes_max = 16 << 10;
  std::size_t target_bytes_max = 4 << 10;
  std::size_t header_count_max = 100;
  std::chrono::milliseconds head_time_max{10'000};  // From the first byte to the last.
  std::chrono::milliseconds idle_time_max{75'000};  // Waiting for a first byte.
};

struct BodyLimits {
  std::size_t bytes_max = 1 << 20;
  std::chrono::milliseconds time_max{30'000};
  // After `slow_time_max` a body must have come at least so fast on average: who sends a byte now
  // and then would else hold a connection for all of `time_max`.
  std::chrono::milliseconds slow_time_max{5'000};
  std::size_t bytes_per_s_min = 1 << 10;
  // For room in the budget of all bodies, each time it has to grow.
  std::chrono::milliseconds room_time_max{5'000};
};

// "%2Fa" -> "/a". nullopt: a broken escape or an escaped NUL.
std::optional<std::string> PercentDecode(std::string_view text);

}  // namespace holdfast::http
