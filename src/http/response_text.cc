#include "http/response_text.h"

#include <array>
#include <ctime>

#include <fmt/format.h>

namespace holdfast::http {
namespace {

// IMF-fixdate (RFC 9110, section 5.6.7), made once a second on each thread.
std::string_view HttpDate() {
  struct Made {
    std::time_t at = -1;
    std::array<char, 32> text;
    std::size_t length = 0;
  };
  thread_local Made made;
  const std::time_t now = std::time(nullptr);
  if (now != made.at) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    made.length =
        std::strftime(made.text.data(), made.text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    made.at = now;
  }
  return {made.text.data(), made.length};
}

void AppendHeader(std::string_view name, std::string_view value, std::string& text) {
  text.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

void AppendHead(const ResponseHead& head, const HeadFrame& frame, std::string& text) {
  const fmt::format_int status(head.status);
  text.append("HTTP/1.1 ").append(status.data(), status.size());
  text.append(" ").append(StatusText(head.status)).append("\r\n");
  AppendHeader("Date", HttpDate(), text);
  if (!head.content_type.empty()) AppendHeader("Content-Type", head.content_type, text);
  for (const Header& header : head.headers) AppendHeader(header.name, header.value, text);
  for (const Header& header : frame.headers) AppendHeader(header.name, header.value, text);
  text.append(head.lines).append(frame.lines).append(frame.framing);
  text += frame.keeps_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
}

void AppendContentLength(std::size_t bytes, std::string& text) {
  const fmt::format_int digits(bytes);
  AppendHeader("Content-Length", {digits.data(), digits.size()}, text);
}

}  // namespace holdfast::http
