#include "server/engine_pipeline.h"

#include <utility>

#include "api/reply.h"
#include "server/request_steps.h"

namespace holdfast::server {

// What is remembered of one request until it is settled.
struct EnginePipeline::Record {
  explicit Record(http::Exchange& exchange) : id(IdOf(exchange.head())), reply(exchange, id) {
    exchange.AddHeader(std::string(kRequestIdHeader), id);
  }

  // The gateway's, so that both sides name the request alike.
  static std::string IdOf(const http::RequestHead& head) {
    const std::string_view given = head.Find(kRequestIdHeader);
    return IsSafeId(given) ? std::string(given) : NewRequestId();
  }

  const std::string id;
  api::Reply reply;
  net::TimePoint began = net::Clock::now();
  FoundEndpoint found;
  std::unique_ptr<api::Call> call;
};

net::Awaitable<api::ApiResult<void>> EnginePipeline::Run(http::Exchange& exchange, Record& record) {
  const http::RequestHead& head = exchange.head();
  std::string allow;
  api::ApiResult<FoundEndpoint> found = table_.Find(head.method, head.path, allow);
  if (!allow.empty()) exchange.AddHeader("Allow", std::move(allow));
  if (!found) co_return std::unexpected(std::move(found).error());
  record.found = std::move(*found);
  const api::Endpoint& endpoint = *record.found.endpoint;
  record.reply.SetDialect(endpoint.dialect);

  CO_TRY(CheckBodyHead(head, endpoint));
  CO_TRY_ASSIGN(std::string body, co_await ReadBody(exchange, body_, endpoint));
  // A gateway says for whom it asks; whoever else may reach an engine is one caller.
  const std::string_view given = head.Find(kClientHeader);
  const std::string client(given.empty() ? exchange.facts().peer.ToString() : given);
  const api::Context context{head, std::move(record.found.params), record.id, client};
  CO_TRY_ASSIGN(record.call, endpoint.parse(context, std::move(body)));
  api::Progress progress({}, {});
  co_return co_await record.call->Run(record.reply, progress);
}

net::Awaitable<void> EnginePipeline::Serve(http::Exchange& exchange) {
  Record record(exchange);
  const api::ApiResult<void> ended = co_await Run(exchange, record);
  co_await Settle(exchange, record, ended);
}

net::Awaitable<void> EnginePipeline::Refuse(http::Exchange& exchange,
                                            const http::Refusal& refusal) {
  Record record(exchange);
  const api::ApiResult<void> ended = std::unexpected(api::ToApiError(refusal));
  co_await Settle(exchange, record, ended);
}

net::Awaitable<void> EnginePipeline::Settle(http::Exchange& exchange, Record& record,
                                            const api::ApiResult<void>& ended) {
  const std::optional<Reason> reason = co_await TellEnd(exchange, record.reply, ended);
  settlement_.Settle({.endpoint = record.found.endpoint,
                      .method = exchange.head().method,
                      .status = exchange.status(),
                      .reason = reason,
                      .took = net::Clock::now() - record.began,
                      .request_id = record.id});
}

}  // namespace holdfast::server
