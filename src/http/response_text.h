// The text of an answer's head, as it is on the wire. Free function; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "http/message.h"

namespace holdfast::http {

// What is in the head of an answer beside its own fields.
struct HeadFrame {
  std::span<const Header> headers = {};
  std::string_view lines = {};    // As of ToLines.
  std::string_view framing = {};  // How long the body is: a line, or nothing.
  bool keeps_alive = true;
};

void AppendHead(const ResponseHead& head, const HeadFrame& frame, std::string& text);

// "Content-Length: 12\r\n".
void AppendContentLength(std::size_t bytes, std::string& text);

}  // namespace holdfast::http
