#include "api/engine/answer_pump.h"

#include <utility>

#include "http/sse.h"

namespace holdfast::api {
namespace {

// A failure here means that the peer is gone or too slow: nothing more can be said to it.
net::Awaitable<Result<void>> SendEvents(http::SseWriter& writer, std::vector<json::Object> events,
                                        const PumpOptions& options, bool has_usage) {
  for (json::Object& event : events) {
    if (options.includes_usage && !has_usage) event["usage"] = nullptr;
    const std::string text = json::Write(event);
    CO_TRY(co_await writer.Event(text));
  }
  co_return Result<void>{};
}

net::Awaitable<Result<void>> StreamPieces(const EngineService& service, http::SseWriter& writer,
                                          Generation& generation, AnswerFormat& format,
                                          const PumpOptions& options) {
  while (!generation.is_finished()) {
    const net::TimePoint deadline = net::Clock::now() + service.keep_alive_every;
    ApiResult<std::vector<Piece>> pieces = co_await generation.Next(deadline);
    if (!pieces && pieces.error().reason == Reason::kClientLeft) {
      co_return Fail(ErrorCode::kCancelled, "the client has left");
    }
    if (!pieces) {
      const std::string text = json::Write(ErrorBody(pieces.error(), options.request_id));
      CO_TRY(co_await writer.Event(text));
      co_return Fail(ErrorCode::kCancelled, "the answer ended with an error");
    }
    if (pieces->empty()) CO_TRY(co_await writer.KeepAlive());
    for (const Piece& piece : *pieces) {
      std::vector<json::Object> events = format.Chunks(piece);
      CO_TRY(co_await SendEvents(writer, std::move(events), options, false));
    }
  }
  co_return Result<void>{};
}

net::Awaitable<Result<void>> Stream(const EngineService& service, http::Exchange& exchange,
                                    Generation& generation, AnswerFormat& format,
                                    const PumpOptions& options) {
  http::SseWriter writer(exchange);
  std::vector<http::Header> headers = LoadHeaders(service.engine);
  CO_TRY(co_await writer.Begin(std::move(headers)));
  std::vector<json::Object> opening = format.Opening(generation.choice_count());
  CO_TRY(co_await SendEvents(writer, std::move(opening), options, false));
  CO_TRY(co_await StreamPieces(service, writer, generation, format, options));
  if (options.includes_usage) {
    std::vector<json::Object> usage;
    usage.push_back(format.UsageChunk(generation.usage()));
    CO_TRY(co_await SendEvents(writer, std::move(usage), options, true));
  }
  CO_TRY(co_await writer.Event("[DONE]"));
  co_return co_await writer.End();
}

net::Awaitable<void> Whole(const EngineService& service, http::Exchange& exchange,
                           Generation& generation, AnswerFormat& format,
                           const PumpOptions& options) {
  while (!generation.is_finished()) {
    ApiResult<std::vector<Piece>> pieces = co_await generation.Next(net::kNoDeadline);
    if (!pieces) {
      if (exchange.is_peer_gone()) {
        exchange.Abort();
      } else {
        co_await SendError(exchange, pieces.error(), options.request_id);
      }
      co_return;
    }
    for (Piece& piece : *pieces) format.Add(std::move(piece));
  }
  const std::string body = format.Whole(generation.usage());
  std::vector<http::Header> headers = LoadHeaders(service.engine);
  co_await SendJsonText(exchange, body, std::move(headers));
}

}  // namespace

net::Awaitable<void> PumpAnswer(const EngineService& service, http::Exchange& exchange,
                                Generation& generation, AnswerFormat& format,
                                const PumpOptions& options) {
  if (!options.is_stream) {
    co_await Whole(service, exchange, generation, format, options);
    co_return;
  }
  const Result<void> streamed = co_await Stream(service, exchange, generation, format, options);
  // An error event was the last; the stream still ends in good order, so that clients read it.
  if (!streamed && !exchange.has_ended() && !exchange.is_peer_gone()) {
    exchange.CloseAfterwards();
    co_await exchange.End();
  }
}

}  // namespace holdfast::api
