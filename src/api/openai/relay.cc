#include "api/openai/relay.h"

#include <array>
#include <utility>

#include "api/api_error.h"
#include "base/log.h"
#include "http/sse.h"

namespace holdfast::api {
namespace {

// What of the engine's head a client gets to see.
constexpr std::array kRelayedHeaders = {"retry-after", "retry-after-ms", "x-should-retry"};

ApiError ToRelayError(const Error& error) {
  ApiError made;
  switch (error.code) {
    case ErrorCode::kDeadlineExceeded:
      made.reason = Reason::kDeadlineExceeded;
      made.message = "The answer took longer than its time limit.";
      break;
    case ErrorCode::kCorrupt:
    case ErrorCode::kTooLarge:
      log::error("upstream: {}", error.message);
      made.reason = Reason::kUpstreamDown;
      made.message = "The engine's answer could not be read.";
      break;
    default:
      log::warn("upstream: {}", error.message);
      made.reason = Reason::kEngineRestarting;
      made.message = "The engine is restarting. Please try again in a moment.";
      break;
  }
  return made;
}

std::vector<http::Header> RelayedHeaders(const http::ResponseHead& head) {
  std::vector<http::Header> headers;
  for (const http::Header& header : head.headers) {
    for (const std::string_view name : kRelayedHeaders) {
      if (!http::FindHeader({header}, name).empty()) headers.push_back(header);
    }
  }
  return headers;
}

http::ClientRequest MakeCall(const http::Exchange& exchange, const http::RouteRequest& request) {
  http::ClientRequest call;
  call.method =
      exchange.head().method == http::Method::kHead ? http::Method::kGet : exchange.head().method;
  // The path was matched by a route of ours; a model's id is the only free part of one.
  call.target = exchange.head().path;
  call.body = request.body;
  call.headers.push_back({"x-request-id", request.id});
  call.headers.push_back({"x-holdfast-client", request.client});
  // An empty body too: what is wrong with it is for the engine to say.
  if (call.method == http::Method::kPost) {
    call.headers.push_back({"Content-Type", "application/json"});
  }
  return call;
}

// Whole events only, so that an error event can follow a stream that broke off inside one.
// True when the stream came to its own end.
net::Awaitable<Result<bool>> RelayEvents(http::ClientCall& call, http::Exchange& exchange,
                                         const RelayLimits& limits, Result<void>& upstream_state) {
  http::SseSplitter splitter;
  bool is_finished = false;
  while (true) {
    const Result<std::string> part = co_await call.ReadPart(net::Clock::now() + limits.silence_max);
    if (!part || part->empty()) {
      if (!part) upstream_state = Fail(part.error());
      co_return is_finished;
    }
    upstream_state = splitter.Push(*part);
    if (!upstream_state) co_return false;
    std::string events;
    for (std::string event = splitter.Take(); !event.empty(); event = splitter.Take()) {
      const std::string data = http::SseSplitter::Data(event);
      is_finished = is_finished || data == "[DONE]" || data.starts_with("{\"error\":");
      events += event;
    }
    CO_TRY(co_await exchange.Write(events));
  }
}

net::Awaitable<void> RelayStream(http::ClientCall& call, http::Exchange& exchange,
                                 const RelayLimits& limits, const http::RouteRequest& request) {
  http::SseWriter writer(exchange);
  const Result<void> begun = co_await writer.Begin({});
  if (!begun) co_return;
  Result<void> upstream_state;
  const Result<bool> is_finished = co_await RelayEvents(call, exchange, limits, upstream_state);
  if (!is_finished || exchange.is_peer_gone()) co_return;  // Nobody is left to tell.
  if (!*is_finished) {
    const Error cause = upstream_state
                            ? MakeError(ErrorCode::kUnavailable, "the stream ended without its end")
                            : upstream_state.error();
    ApiError error = ToRelayError(cause);
    if (error.reason == Reason::kEngineRestarting) {
      error.message = "The engine stopped in the middle of this answer and is restarting.";
    }
    const std::string event = json::Write(ErrorBody(error, request.id));
    const Result<void> told = co_await writer.Event(event);
    if (!told) co_return;
    exchange.CloseAfterwards();
  }
  co_await writer.End();
}

net::Awaitable<void> RelayWhole(http::ClientCall& call, http::Exchange& exchange,
                                const RelayLimits& limits, const http::RouteRequest& request) {
  const net::TimePoint deadline = net::Clock::now() + limits.silence_max;
  const Result<std::string> body = co_await call.ReadAll(limits.answer_bytes_max, deadline);
  if (!body) {
    co_await SendError(exchange, ToRelayError(body.error()), request.id);
    co_return;
  }
  http::ResponseHead head;
  head.status = call.head().status;
  head.content_type = call.head().content_type;
  head.headers = RelayedHeaders(call.head());
  head.headers.push_back({"Cache-Control", "no-store"});
  co_await exchange.Send(head, *body);
}

}  // namespace

net::Awaitable<void> Relay(upstream::Upstream& upstream, const RelayLimits& limits,
                           http::Exchange& exchange, const http::RouteRequest& request) {
  http::ClientCall call({.connect_time_max = upstream.limits().connect_time_max});
  // A client that leaves takes its call along; the engine then frees what it holds for it.
  const net::StopSource::Listener stopped = exchange.stop().OnStop([&call] { call.Close(); });
  const http::ClientRequest wire = MakeCall(exchange, request);
  const net::TimePoint deadline = net::Clock::now() + limits.answer_time_max;
  const Result<void> started = co_await upstream.Start(call, wire, deadline);
  if (!started) {
    if (!exchange.is_peer_gone()) {
      co_await SendError(exchange, ToRelayError(started.error()), request.id);
    }
  } else if (call.head().content_type.starts_with("text/event-stream")) {
    co_await RelayStream(call, exchange, limits, request);
  } else {
    co_await RelayWhole(call, exchange, limits, request);
  }
}

}  // namespace holdfast::api
