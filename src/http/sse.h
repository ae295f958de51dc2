// Server-sent events, writing and reading (WHATWG HTML, section 9.2; the subset that
// OpenAI-compatible services and clients use). Single-threaded.
#pragma once

#include <cstddef>
#include <optional>
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

// Cuts a byte stream into whole events, whose bytes it leaves as they are. Lines end in LF, CRLF or
// CR.
class SseSplitter {
 public:
  explicit SseSplitter(std::size_t event_bytes_max = 4 << 20) : event_bytes_max_(event_bytes_max) {}

  // Adds bytes; kTooLarge when one event exceeds the limit.
  [[nodiscard]] Result<void> Push(std::string_view bytes);
  // Takes the next whole event as sent, with its empty line; empty when there is none yet.
  std::string Take();
  // The stream has ended: takes what is left of it as an event, with the empty line it lacks.
  std::string TakeRest();
  bool has_rest() const { return begin_ < buffer_.size(); }

  // The data lines of an event joined; empty for a comment.
  static std::string Data(std::string_view event);
  // The same where there is one data line at most, without a copy; nullopt where there are more.
  static std::optional<std::string_view> OneData(std::string_view event);
  // Cuts the first line off `text`, without its end.
  static std::string_view TakeLine(std::string_view& text);

 private:
  bool FindEnd();

  std::size_t event_bytes_max_;
  std::string buffer_;
  std::size_t begin_ = 0;       // Of the next event.
  std::size_t line_begin_ = 0;  // Of the line that is looked at.
  std::size_t scan_ = 0;        // No line ends before this.
  bool has_end_ = false;        // [begin_, line_begin_) is a whole event.
};

}  // namespace holdfast::http
