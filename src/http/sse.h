// Server-sent events, writing and reading (WHATWG HTML, section 9.2; the subset that
// OpenAI-compatible services and clients use). Single-threaded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/exchange.h"

namespace holdfast::http {

// Writes an answer of events. A reader too slow is cut off by the connection's stall limit.
class SseWriter {
 public:
  explicit SseWriter(Exchange& exchange) : exchange_(exchange) {}

  net::Awaitable<Result<void>> Begin(std::vector<Header> headers);
  // `data` must be one line.
  net::Awaitable<Result<void>> Event(std::string_view data);
  // A comment, which clients ignore: tells every proxy on the way that the answer lives.
  net::Awaitable<Result<void>> KeepAlive();
  net::Awaitable<Result<void>> End() { return exchange_.End(); }

 private:
  Exchange& exchange_;
};

// Cuts a byte stream into whole events.
class SseSplitter {
 public:
  explicit SseSplitter(std::size_t event_bytes_max = 4 << 20) : event_bytes_max_(event_bytes_max) {}

  // Adds bytes; kTooLarge when one event exceeds the limit.
  [[nodiscard]] Result<void> Push(std::string_view bytes);
  // Takes the next whole event as sent, with its empty line; empty when there is none yet.
  std::string Take();
  bool has_rest() const { return !buffer_.empty(); }

  // The data lines of an event joined; empty for a comment.
  static std::string Data(std::string_view event);

 private:
  std::size_t event_bytes_max_;
  std::string buffer_;
};

}  // namespace holdfast::http
