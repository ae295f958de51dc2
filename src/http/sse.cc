#include "http/sse.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast::http {

net::Awaitable<Result<void>> SseWriter::Begin(std::vector<Header> headers) {
  ResponseHead head;
  head.content_type = "text/event-stream; charset=utf-8";
  head.headers = std::move(headers);
  head.headers.push_back({"Cache-Control", "no-store"});
  // nginx would otherwise hold events back to fill its buffer.
  head.headers.push_back({"X-Accel-Buffering", "no"});
  co_return co_await exchange_.Begin(head);
}

net::Awaitable<Result<void>> SseWriter::Event(std::string_view data) {
  CHECK(data.find('\n') == std::string_view::npos);
  const std::string event = fmt::format("data: {}\n\n", data);
  co_return co_await exchange_.Write(event);
}

net::Awaitable<Result<void>> SseWriter::KeepAlive() { return exchange_.Write(": keep-alive\n\n"); }

Result<void> SseSplitter::Push(std::string_view bytes) {
  // Carriage returns go: the lines that matter here end in LF or CRLF.
  for (const char c : bytes) {
    if (c != '\r') buffer_.push_back(c);
  }
  if (buffer_.size() > event_bytes_max_ && buffer_.find("\n\n") == std::string::npos) {
    return Fail(ErrorCode::kTooLarge, "an event is over the limit of {} bytes", event_bytes_max_);
  }
  return {};
}

std::string SseSplitter::Take() {
  const std::size_t end = buffer_.find("\n\n");
  if (end == std::string::npos) return {};
  std::string event = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 2);
  return event;
}

std::string SseSplitter::Data(std::string_view event) {
  std::string data;
  while (!event.empty()) {
    const std::size_t end = std::min(event.find('\n'), event.size());
    std::string_view line = event.substr(0, end);
    event.remove_prefix(std::min(end + 1, event.size()));
    constexpr std::string_view kField = "data:";
    if (!line.starts_with(kField)) continue;
    line.remove_prefix(kField.size());
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (!data.empty()) data.push_back('\n');
    data += line;
  }
  return data;
}

}  // namespace holdfast::http
