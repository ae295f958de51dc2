#include "rehearsal/sink.h"

#include "rehearsal/plan.h"
#include "rehearsal/process.h"

namespace holdfast::rehearsal {
namespace {

constexpr std::size_t kBodyBytesMax = 16 << 20;
constexpr std::string_view kRefusal =
    R"({"error":{"message":"This is a sink.","type":"rate_limit_error","code":"sink","reason":"sink"}})";

net::Awaitable<void> Refuse(http::Exchange& exchange) {
  http::ResponseHead head;
  head.status = 429;
  head.content_type = "application/json";
  head.headers.push_back({"Retry-After", "1"});
  co_await exchange.Send(head, kRefusal);
}

net::Awaitable<void> ReadAndRefuse(http::Exchange& exchange) {
  co_await exchange.ReadBody({.bytes_max = kBodyBytesMax});
  co_await Refuse(exchange);
}

http::ServerOptions Options() {
  http::ServerOptions options;
  options.connections.total_max = kConnectionsMax;
  options.connections.per_address_max = kConnectionsMax;
  options.connections.long_answers_max = kConnectionsMax;
  return options;
}

}  // namespace

Sink::Sink()
    : server_(
          threads_, Options(), [](http::Exchange& exchange) { return ReadAndRefuse(exchange); },
          [](http::Exchange& exchange, const http::Refusal&) { return Refuse(exchange); }) {}

Sink::~Sink() {
  server_.Drain(std::chrono::milliseconds(0));
  threads_.Stop();
}

Result<std::unique_ptr<Sink>> Sink::Open(int core) {
  std::unique_ptr<Sink> sink(new Sink);
  if (core >= 0) {
    Result<void> pinned;
    sink->threads_.Run(0, [&] { pinned = PinThread(core); });
    TRY(pinned);
  }
  net::Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  TRY(sink->server_.Listen(endpoint));
  return sink;
}

}  // namespace holdfast::rehearsal
