// Beast's parsers, the only part of Beast in use. Only http's sources include this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#ifndef BOOST_BEAST_SEPARATE_COMPILATION
#define BOOST_BEAST_SEPARATE_COMPILATION 1
#endif

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "net/asio.h"

namespace holdfast::http {
namespace wire = boost::beast::http;

// A body in a string that grows as its bytes come. Beast's own takes the declared length at once,
// and a declaration costs a client nothing.
struct GrowingBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool kIsRequest, typename Fields>
    reader(wire::header<kIsRequest, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, boost::system::error_code& error) {
      error = {};
    }
    template <typename Buffers>
    std::size_t put(const Buffers& buffers, boost::system::error_code& error) {
      error = {};
      const std::size_t before = body_.size();
      for (const auto& buffer : boost::beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
      }
      return body_.size() - before;
    }
    void finish(boost::system::error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

// Whether the parser of a message's body may see `input`. Beast 1.81 asserts that a last chunk it
// looks at a second time has 5 bytes, which a peer can break by sending "0\r\n0". The shortest end
// of a chunked message, "0\r\n\r\n", has 5, so waiting for them never waits for what does not come.
template <typename Parser>
bool MayParseBody(const Parser& parser, std::string_view input) {
  constexpr std::size_t kLastChunkBytesMin = 5;
  return !parser.chunked() || input.size() >= kLastChunkBytesMin || !input.starts_with('0');
}

}  // namespace holdfast::http
