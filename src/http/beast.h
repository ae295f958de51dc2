// Beast's parsers, the only part of Beast in use. Only http's sources include this.
#pragma once

#include <cstddef>
#include <string_view>

#ifndef BOOST_BEAST_SEPARATE_COMPILATION
#define BOOST_BEAST_SEPARATE_COMPILATION 1
#endif

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "net/asio.h"

namespace holdfast::http {
namespace wire = boost::beast::http;

// Whether the parser of a message's body may see `input`. Beast 1.81 asserts that a last chunk it
// looks at a second time has 5 bytes, which a peer can break by sending "0\r\n0". The shortest end
// of a chunked message, "0\r\n\r\n", has 5, so waiting for them never waits for what does not come.
template <typename Parser>
bool MayParseBody(const Parser& parser, std::string_view input) {
  constexpr std::size_t kLastChunkBytesMin = 5;
  return !parser.chunked() || input.size() >= kLastChunkBytesMin || !input.starts_with('0');
}

}  // namespace holdfast::http
