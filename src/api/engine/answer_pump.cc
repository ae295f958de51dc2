#include "api/engine/answer_pump.h"

#include <utility>

namespace holdfast::api {
namespace {

// `usage`: so far.
net::Awaitable<ApiResult<void>> SendEvents(Reply& reply, std::vector<json::Object> events,
                                           const PumpOptions& options, const engine::Usage& usage) {
  for (json::Object& event : events) {
    if (options.has_running_usage) {
      event["usage"] = RunningUsageJson(usage);
    } else if (options.includes_usage) {
      event["usage"] = nullptr;
    }
    const std::string text = json::Write(event);
    CO_TRY(co_await reply.Event(text));
  }
  co_return ApiResult<void>{};
}

net::Awaitable<ApiResult<void>> StreamPieces(const EngineService& service, Reply& reply,
                                             Generation& generation, AnswerFormat& format,
                                             const PumpOptions& options) {
  while (!generation.is_finished()) {
    const net::TimePoint deadline = net::Clock::now() + service.keep_alive_every;
    CO_TRY_ASSIGN(const std::vector<Piece> pieces, co_await generation.Next(deadline));
    if (pieces.empty()) CO_TRY(co_await reply.KeepAlive());
    for (const Piece& piece : pieces) {
      std::vector<json::Object> events = format.Chunks(piece);
      CO_TRY(co_await SendEvents(reply, std::move(events), options, piece.usage));
    }
  }
  co_return ApiResult<void>{};
}

net::Awaitable<ApiResult<void>> Stream(const EngineService& service, Reply& reply,
                                       Generation& generation, AnswerFormat& format,
                                       const PumpOptions& options) {
  std::vector<http::Header> headers = LoadHeaders(service.engine);
  CO_TRY(co_await reply.BeginEvents(std::move(headers)));
  std::vector<json::Object> opening = format.Opening(generation.choice_count());
  CO_TRY(co_await SendEvents(reply, std::move(opening), options, generation.usage()));
  CO_TRY(co_await StreamPieces(service, reply, generation, format, options));
  if (options.includes_usage) {
    const std::string usage = json::Write(format.UsageChunk(generation.usage()));
    CO_TRY(co_await reply.Event(usage));
  }
  CO_TRY(co_await reply.Event("[DONE]"));
  co_return co_await reply.End();
}

net::Awaitable<ApiResult<void>> Whole(const EngineService& service, Reply& reply,
                                      Generation& generation, AnswerFormat& format) {
  while (!generation.is_finished()) {
    CO_TRY_ASSIGN(std::vector<Piece> pieces, co_await generation.Next(net::kNoDeadline));
    for (Piece& piece : pieces) format.Add(std::move(piece));
  }
  const std::string body = format.Whole(generation.usage());
  std::vector<http::Header> headers = LoadHeaders(service.engine);
  co_return co_await reply.SendJsonText(body, std::move(headers));
}

}  // namespace

net::Awaitable<ApiResult<void>> PumpAnswer(const EngineService& service, Reply& reply,
                                           Generation& generation, AnswerFormat& format,
                                           const PumpOptions& options) {
  if (options.is_stream) co_return co_await Stream(service, reply, generation, format, options);
  co_return co_await Whole(service, reply, generation, format);
}

}  // namespace holdfast::api
