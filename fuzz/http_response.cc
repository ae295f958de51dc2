// HTTP answers: a server's bytes, arriving in pieces of a size the first byte chooses, read as one
// answer. What is accepted keeps the limits, and a connection is kept only after a whole answer.
#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "fuzz/input.h"
#include "fuzz/pieces_stream.h"
#include "http/client.h"
#include "net/asio.h"

namespace holdfast::fuzz {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kBodyBytesMax = 4096;
constexpr http::ClientLimits kLimits{.head_bytes_max = 2048};

net::Awaitable<void> ReadAnswer(std::unique_ptr<net::Stream> stream, asio::io_context& context) {
  http::ClientCall call(kLimits);
  http::ClientRequest request;
  request.target = "/";
  request.keeps_alive = true;
  const Result<void> started = co_await call.StartOn(std::move(stream), request, net::kNoDeadline);
  if (started) {
    CHECK(call.head().status >= 200 && call.head().status <= 999);
    for (const http::Header& header : call.head().headers) {
      CHECK(header.value.find_first_of("\r\n") == std::string::npos);
    }
    const Result<std::string> body = co_await call.ReadAll(kBodyBytesMax, net::kNoDeadline);
    if (body) {
      CHECK(body->size() <= kBodyBytesMax);
      CHECK(call.is_done());
    }
    if (!call.is_done()) CHECK(call.TakeStream() == nullptr);
  }
  context.stop();
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  fuzz::Input input(data, size);
  const std::size_t piece_bytes = input.Byte() + std::size_t{1};
  boost::asio::io_context context(1);
  boost::asio::co_spawn(context,
                        fuzz::ReadAnswer(std::make_unique<fuzz::PiecesStream>(
                                             context.get_executor(), input.rest(), piece_bytes),
                                         context),
                        boost::asio::detached);
  context.run();
  return 0;
}
