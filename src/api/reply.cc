#include "api/reply.h"

#include <utility>

#include "http/sse.h"

namespace holdfast::api {
namespace {

http::ResponseHead JsonHead(std::vector<http::Header> headers) {
  http::ResponseHead head;
  head.content_type = "application/json";
  head.headers = std::move(headers);
  head.headers.push_back({"Cache-Control", "no-store"});
  return head;
}

// On the head of an answer that begins before its turn.
std::vector<http::Header> WaitHeaders(const WaitNotice& notice) {
  return {{"x-queue-place", std::to_string(notice.place)},
          {"x-queue-wait-ms", std::to_string(notice.wait.count())}};
}

}  // namespace

// A failed write means that the client is gone or reads too slowly; the stop source knows if it was
// something else that ended the request.
ApiResult<void> Reply::Told(const Result<void>& written) const {
  if (written) return {};
  if (exchange_.is_reader_too_slow()) {
    return FailApi(Reason::kSlowReader, "The answer was read too slowly and was cut off.");
  }
  return FailApi(Reason::kClientLeft, "The client has left.");
}

net::Awaitable<ApiResult<void>> Reply::Send(const http::ResponseHead& head, std::string_view body) {
  if (form_ == Form::kWhole) co_return co_await SendWaitedFor(body);
  co_return Told(co_await exchange_.Send(head, body));
}

net::Awaitable<ApiResult<void>> Reply::SendJson(const json::Value& value,
                                                std::vector<http::Header> headers) {
  const std::string body = json::Write(value);
  co_return co_await SendJsonText(body, std::move(headers));
}

net::Awaitable<ApiResult<void>> Reply::SendJsonText(std::string_view json,
                                                    std::vector<http::Header> headers) {
  const http::ResponseHead head = JsonHead(std::move(headers));
  co_return co_await Send(head, json);
}

// The head went out with the first blank line.
net::Awaitable<ApiResult<void>> Reply::SendWaitedFor(std::string_view body) {
  CO_TRY(Told(co_await exchange_.Write(body)));
  co_return Told(co_await exchange_.End());
}

net::Awaitable<ApiResult<void>> Reply::BeginEvents(std::vector<http::Header> headers) {
  if (form_ == Form::kEvents) co_return ApiResult<void>{};
  form_ = Form::kEvents;
  http::SseWriter writer(exchange_);
  CO_TRY(Told(co_await writer.Begin(std::move(headers))));
  if (level_comment_.empty()) co_return ApiResult<void>{};
  co_return co_await Events(level_comment_);
}

net::Awaitable<ApiResult<void>> Reply::Events(std::string_view raw) {
  co_return Told(co_await exchange_.Write(raw));
}

net::Awaitable<ApiResult<void>> Reply::Event(std::string_view data) {
  http::SseWriter writer(exchange_);
  co_return Told(co_await writer.Event(data));
}

net::Awaitable<ApiResult<void>> Reply::KeepAlive() {
  http::SseWriter writer(exchange_);
  co_return Told(co_await writer.KeepAlive());
}

net::Awaitable<ApiResult<void>> Reply::End() { co_return Told(co_await exchange_.End()); }

net::Awaitable<ApiResult<void>> Reply::Waiting(const WaitNotice& notice, bool is_stream) {
  if (is_stream) {
    std::vector<http::Header> headers = WaitHeaders(notice);
    CO_TRY(co_await BeginEvents(std::move(headers)));
    const std::string comment =
        fmt::format(": waiting place={} wait_ms={}\n\n", notice.place, notice.wait.count());
    co_return co_await Events(comment);
  }
  if (form_ == Form::kNone) {
    form_ = Form::kWhole;
    const http::ResponseHead head = JsonHead(WaitHeaders(notice));
    CO_TRY(Told(co_await exchange_.Begin(head)));
  }
  co_return Told(co_await exchange_.Write("\n"));
}

void Reply::TellLevel(std::string_view level, std::uint32_t tokens_max) {
  exchange_.AddHeader(std::string(kLevelHeader), std::string(level));
  level_comment_ = fmt::format(": level {}", level);
  if (tokens_max > 0) {
    exchange_.AddHeader("x-holdfast-tokens-max", std::to_string(tokens_max));
    level_comment_ += fmt::format(" tokens_max={}", tokens_max);
  }
  level_comment_ += "\n\n";
}

net::Awaitable<void> Reply::Fail(const ApiError& error) {
  if (exchange_.has_ended() || exchange_.is_peer_gone()) co_return;
  if (!has_begun()) {
    co_await SendError(exchange_, error, dialect_, request_id_);
    co_return;
  }
  // Its status says 200: only an end that is missing tells the client, which then tries again.
  if (form_ != Form::kEvents) {
    exchange_.Abort();
    co_return;
  }
  exchange_.CloseAfterwards();
  const std::string event = ErrorText(error, dialect_, request_id_);
  const ApiResult<void> told = co_await Event(event);
  if (told) co_await End();
}

}  // namespace holdfast::api
