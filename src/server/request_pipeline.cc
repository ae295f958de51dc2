#include "server/request_pipeline.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "api/engine/wire.h"
#include "base/log.h"

namespace holdfast::server {

// What is remembered of one request until it is settled.
struct RequestPipeline::Record {
  http::RouteRequest request;
  std::string_view route = "none";  // Pattern of its route.
  std::string_view reason;          // Of a refusal before the handler; empty: none.
  net::TimePoint began = net::Clock::now();
};

namespace {

// Refuses by what the connection and the head say.
api::ApiResult<void> CheckEdge(const RequestFacts& facts, const http::Route& route) {
  if (route.is_local_only && !facts.is_local) {
    return api::FailApi(Reason::kForbidden, "This is answered on the machine itself only.");
  }
  return {};
}

bool IsJson(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  constexpr std::string_view kJson = "application/json";
  const auto lower = [](unsigned char c) { return std::tolower(c); };
  return type.size() >= kJson.size() &&
         std::ranges::equal(type.substr(0, kJson.size()), kJson, {}, lower, lower) &&
         type.find_first_not_of(' ', kJson.size()) == std::string_view::npos;
}

api::ApiResult<void> CheckBodyHead(const http::RequestHead& head, const http::Route& route) {
  if (route.body_bytes_max == 0) return {};
  if (!head.is_chunked && !head.content_length) {
    return std::unexpected(
        api::ToApiError(http::Refusal{411, "the request needs a body with its length"}));
  }
  // Strict, because pages of other origins can send any other type without asking first.
  if (!IsJson(head.Find("content-type"))) {
    return std::unexpected(
        api::ToApiError(http::Refusal{415, "the request's Content-Type must be application/json"}));
  }
  if (const std::string_view coding = head.Find("content-encoding");
      !coding.empty() && coding != "identity") {
    return std::unexpected(
        api::ToApiError(http::Refusal{415, "a compressed body is not read here"}));
  }
  return {};
}

// An id of ours or of our gateway: short, and safe in a header and in a log.
bool IsSafeId(std::string_view id) {
  constexpr std::size_t kIdBytesMax = 64;
  return !id.empty() && id.size() <= kIdBytesMax && std::ranges::all_of(id, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

}  // namespace

net::Awaitable<api::ApiResult<void>> RequestPipeline::Run(http::Exchange& exchange,
                                                          Record& record) {
  // The route comes first: it says which limits hold and whether the rest is worth anything.
  CO_TRY_ASSIGN(const http::Route* const route, FindRoute(exchange, record));

  // Who asks, from the connection and the head alone: a stranger costs no body.
  const RequestFacts facts = LearnFacts(exchange, *route);
  record.request.client = facts.client;
  CO_TRY(CheckEdge(facts, *route));

  // A head that promises no readable body is refused before the body is on the way.
  CO_TRY(CheckBodyHead(exchange.head(), *route));

  // The body before the ticket: a slow upload never holds a place.
  CO_TRY_ASSIGN(record.request.body, co_await ReadBody(exchange, *route));

  // A place among the answers under way. Nothing is answered 200 before this.
  CO_TRY_ASSIGN(const AdmissionTicket ticket, co_await Admit(exchange, facts));

  // The handler answers, also when it fails; the ticket goes back when it returns.
  co_await route->handler(exchange, record.request);
  co_return api::ApiResult<void>{};
}

net::Awaitable<void> RequestPipeline::Serve(http::Exchange& exchange) {
  Record record;
  Name(exchange, record);
  const api::ApiResult<void> served = co_await Run(exchange, record);
  if (!served) {
    record.reason = Info(served.error().reason).word;
    if (!exchange.is_peer_gone()) {
      co_await api::SendError(exchange, served.error(), record.request.id);
    }
  }
  if (exchange.is_reader_too_slow()) record.reason = Info(Reason::kSlowReader).word;
  Settle(exchange, record);
}

net::Awaitable<void> RequestPipeline::Refuse(http::Exchange& exchange,
                                             const http::Refusal& refusal) {
  Record record;
  Name(exchange, record);
  const api::ApiError error = api::ToApiError(refusal);
  record.reason = Info(error.reason).word;
  co_await api::SendError(exchange, error, record.request.id);
  Settle(exchange, record);
}

// The id goes into the answer whoever makes it, so that both sides can name the request.
void RequestPipeline::Name(http::Exchange& exchange, Record& record) const {
  record.request.id = RequestId(exchange);
  exchange.AddHeader(std::string(kRequestIdHeader), record.request.id);
  for (const http::Header& header : options_.headers) {
    exchange.AddHeader(header.name, header.value);
  }
}

std::string RequestPipeline::RequestId(const http::Exchange& exchange) const {
  if (options_.is_behind_gateway) {
    const std::string_view given = exchange.head().Find(kRequestIdHeader);
    if (IsSafeId(given)) return std::string(given);
  }
  return api::NewId("req_");
}

api::ApiResult<const http::Route*> RequestPipeline::FindRoute(http::Exchange& exchange,
                                                              Record& record) const {
  auto found = router_.Find(exchange.head().method, exchange.head().path);
  if (auto* const wrong = std::get_if<http::Router::WrongMethod>(&found)) {
    exchange.AddHeader("Allow", std::move(wrong->allow));
    return std::unexpected(
        api::ToApiError(http::Refusal{405, "this address does not take this method"}));
  }
  if (std::holds_alternative<http::Router::NoRoute>(found)) {
    return std::unexpected(api::ToApiError(http::Refusal{404, "there is nothing at this address"}));
  }
  auto& match = std::get<http::Router::Found>(found);
  record.request.params = std::move(match.request.params);
  record.route = match.route->pattern;
  return match.route;
}

RequestFacts RequestPipeline::LearnFacts(const http::Exchange& exchange,
                                         const http::Route& route) const {
  RequestFacts facts;
  facts.is_generation = route.is_generation;
  facts.is_local = exchange.facts().peer.is_loopback();
  facts.client = exchange.facts().peer.ToString();
  if (options_.is_behind_gateway) {
    const std::string_view given = exchange.head().Find(kClientHeader);
    if (!given.empty()) facts.client = given;
  }
  return facts;
}

net::Awaitable<api::ApiResult<std::string>> RequestPipeline::ReadBody(
    http::Exchange& exchange, const http::Route& route) const {
  http::BodyLimits limits = options_.body;
  limits.bytes_max = std::min(limits.bytes_max, route.body_bytes_max);
  if (limits.bytes_max == 0 && !exchange.head().has_body()) co_return std::string{};
  std::expected<std::string, http::Refusal> body = co_await exchange.ReadBody(limits);
  if (!body) co_return std::unexpected(api::ToApiError(body.error()));
  co_return std::move(*body);
}

net::Awaitable<api::ApiResult<AdmissionTicket>> RequestPipeline::Admit(
    http::Exchange& exchange, const RequestFacts& facts) const {
  if (!facts.is_generation) co_return AdmissionTicket();
  const auto event = std::make_shared<net::Event>(exchange.executor());
  const auto is_gone = std::make_shared<bool>(false);
  const net::StopSource::Listener stopped = exchange.stop().OnStop([event, is_gone] {
    *is_gone = true;
    event->Notify();
  });
  co_return co_await admission_.Admit(facts, event, *is_gone);
}

void RequestPipeline::Settle(const http::Exchange& exchange, const Record& record) {
  const std::chrono::duration<double> took = net::Clock::now() - record.began;
  const std::string status = std::to_string(exchange.status());
  registry_
      .GetCounter("holdfast_http_requests_total", "Requests by route and status.",
                  {{"route", std::string(record.route)}, {"status", status}})
      .Add();
  registry_
      .GetHistogram("holdfast_http_request_seconds", "From the head to the end of the answer.",
                    metrics::LatencyBounds(), {{"route", std::string(record.route)}})
      .Observe(took.count());
  if (!record.reason.empty()) {
    registry_
        .GetCounter("holdfast_refusals_total",
                    "Requests refused at the door or cut off, by reason.",
                    {{"reason", std::string(record.reason)}})
        .Add();
  }
  // The pattern, not the path: a path is the client's text.
  const std::string line = fmt::format(
      "{} {} {} {:.1f} ms{}{} {}", http::MethodName(exchange.head().method), record.route, status,
      took.count() * 1e3, record.reason.empty() ? "" : " ", record.reason, record.request.id);
  // Watchers ask every second; what they hear when all is well would bury the rest.
  const bool is_watcher = record.route == "/health" || record.route == "/metrics";
  is_watcher&& exchange.status() == 200 ? log::debug("{}", line) : log::info("{}", line);
}

}  // namespace holdfast::server
