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

namespace {

// The first line feed or carriage return from `from` on, or the end. Looking for one byte at a time
// takes a tenth of the time of looking for either, and every token of every answer passes here.
std::size_t FindLineEnd(std::string_view text, std::size_t from) {
  const std::size_t feed = std::min(text.find('\n', from), text.size());
  return std::min(text.substr(0, feed).find('\r', from), feed);
}

}  // namespace

Result<void> SseSplitter::Push(std::string_view bytes) {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    line_begin_ -= begin_;
    scan_ -= begin_;
    begin_ = 0;
  }
  buffer_ += bytes;
  const std::size_t event_bytes = FindEnd() ? line_begin_ : buffer_.size();
  if (event_bytes > event_bytes_max_) {
    return Fail(ErrorCode::kTooLarge, "an event is over the limit of {} bytes", event_bytes_max_);
  }
  return {};
}

bool SseSplitter::FindEnd() {
  while (!has_end_) {
    scan_ = FindLineEnd(buffer_, scan_);
    if (scan_ == buffer_.size()) return false;
    const bool is_return = buffer_[scan_] == '\r';
    // Whether a line feed belongs to a carriage return shows when there is a next byte.
    if (is_return && scan_ + 1 == buffer_.size()) return false;
    const bool is_blank = scan_ == line_begin_;
    scan_ += is_return && buffer_[scan_ + 1] == '\n' ? 2 : 1;
    line_begin_ = scan_;
    has_end_ = is_blank;
  }
  return has_end_;
}

std::string SseSplitter::Take() {
  if (!FindEnd()) return {};
  std::string event = buffer_.substr(begin_, line_begin_ - begin_);
  begin_ = line_begin_;
  has_end_ = false;
  return event;
}

std::string SseSplitter::TakeRest() {
  std::string event = buffer_.substr(begin_);
  if (!event.empty()) event += "\n\n";
  buffer_.clear();
  begin_ = line_begin_ = scan_ = 0;
  has_end_ = false;
  return event;
}

std::string_view SseSplitter::TakeLine(std::string_view& text) {
  const std::size_t end = FindLineEnd(text, 0);
  const std::string_view line = text.substr(0, end);
  const std::size_t skipped = text.substr(end).starts_with("\r\n") ? 2 : 1;
  text.remove_prefix(std::min(end + skipped, text.size()));
  return line;
}

namespace {

constexpr std::string_view kDataField = "data:";

std::string_view DataOfLine(std::string_view line) {
  line.remove_prefix(kDataField.size());
  if (line.starts_with(' ')) line.remove_prefix(1);
  return line;
}

}  // namespace

std::optional<std::string_view> SseSplitter::OneData(std::string_view event) {
  std::optional<std::string_view> data;
  while (!event.empty()) {
    const std::string_view line = TakeLine(event);
    if (!line.starts_with(kDataField)) continue;
    if (data) return std::nullopt;
    data = DataOfLine(line);
  }
  return data.value_or(std::string_view());
}

std::string SseSplitter::Data(std::string_view event) {
  std::string data;
  while (!event.empty()) {
    const std::string_view line = TakeLine(event);
    if (!line.starts_with(kDataField)) continue;
    if (!data.empty()) data.push_back('\n');
    data += DataOfLine(line);
  }
  return data;
}

}  // namespace holdfast::http
