// HTTP requests: a connection's bytes, arriving in pieces of a size the first byte chooses, read as
// heads and bodies. What is accepted keeps the limits; what is refused gets a 4xx or 5xx.
#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "fuzz/input.h"
#include "fuzz/pieces_stream.h"
#include "http/request_reader.h"
#include "net/asio.h"
#include "net/connection.h"

namespace holdfast::fuzz {
namespace {

namespace asio = boost::asio;

constexpr int kRequestsMax = 16;
constexpr http::HeadLimits kHeadLimits{
    .head_bytes_max = 2048, .target_bytes_max = 256, .header_count_max = 16};
constexpr http::BodyLimits kBodyLimits{.bytes_max = 512};

void CheckRefusal(const http::Refusal& refusal) {
  if (refusal.status == 0) return;
  CHECK(refusal.status >= 400 && refusal.status <= 505);
  CHECK(!refusal.message.empty());
}

void CheckHead(const http::RequestHead& head) {
  CHECK(head.path.starts_with('/') || head.path == "*");
  CHECK(head.path.size() + head.query.size() <= kHeadLimits.target_bytes_max);
  CHECK(head.headers.size() <= kHeadLimits.header_count_max);
  CHECK(!(head.is_chunked && head.content_length.has_value()));
  for (const http::Header& header : head.headers) {
    CHECK(header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
}

net::Awaitable<void> ReadRequests(std::shared_ptr<net::Connection> connection,
                                  asio::io_context& context) {
  http::RequestReader reader(*connection, kHeadLimits);
  for (int i = 0; i < kRequestsMax; ++i) {
    const auto begun = co_await reader.WaitForRequest();
    if (!begun) {
      CheckRefusal(begun.error());
      break;
    }
    const auto head = co_await reader.ReadHead();
    if (!head) {
      CheckRefusal(head.error());
      break;
    }
    CheckHead(*head);
    const auto body = co_await reader.ReadBody(kBodyLimits);
    if (!body) {
      CheckRefusal(body.error());
      break;
    }
    CHECK(body->size() <= kBodyLimits.bytes_max);
    CHECK(reader.is_body_done());
    if (!head->keeps_alive) break;
  }
  connection->Close();
  context.stop();
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  fuzz::Input input(data, size);
  const std::size_t piece_bytes = input.Byte() + std::size_t{1};
  boost::asio::io_context context(1);
  auto connection = net::Connection::Start(
      std::make_unique<fuzz::PiecesStream>(context.get_executor(), input.rest(), piece_bytes),
      {.read_ahead_bytes_max = 1024});
  boost::asio::co_spawn(context, fuzz::ReadRequests(connection, context), boost::asio::detached);
  connection.reset();
  context.run();
  return 0;
}
