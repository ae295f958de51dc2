// Reply: how a call answers. It owns the exchange's answer and knows how far it has come, so that a
// failure is said in the one way that is left: as an answer of its own, as an event of a stream
// under way, or by a body that visibly does not end. Error objects are in the endpoint's dialect.
//
// While a request waits for its place, the reply tells the client so (Waiting): a stream gets
// comments with place and wait, any other answer gets blank lines before its JSON, which parsers
// skip. Both need the head, so from then on the status is 200.
//
// While the service has stepped down (TellLevel), the head says so, whatever the answer is, and a
// stream begins with a comment that does.
//
// Belongs to the request's coroutine; single-threaded.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_error.h"
#include "http/exchange.h"
#include "json/json.h"

namespace holdfast::api {

struct WaitNotice {
  std::uint32_t place = 0;  // 1: next.
  std::chrono::milliseconds wait{0};
};

// Of an answer while the service has stepped down: how far.
inline constexpr std::string_view kLevelHeader = "x-holdfast-level";

class Reply {
 public:
  Reply(http::Exchange& exchange, std::string_view request_id)
      : exchange_(exchange), request_id_(request_id) {}

  // Once the endpoint is known.
  void SetDialect(Dialect dialect) { dialect_ = dialect; }

  http::Exchange& exchange() { return exchange_; }
  net::StopSource& stop() { return exchange_.stop(); }
  std::string_view request_id() const { return request_id_; }
  bool has_begun() const { return exchange_.has_begun(); }

  // A whole answer. Errors, as of all that writes: kClientLeft, kSlowReader.
  net::Awaitable<ApiResult<void>> Send(const http::ResponseHead& head, std::string_view body);
  net::Awaitable<ApiResult<void>> SendJson(const json::Value& value,
                                           std::vector<http::Header> headers = {});
  net::Awaitable<ApiResult<void>> SendJsonText(std::string_view json,
                                               std::vector<http::Header> headers = {});

  // A stream: BeginEvents, any number of Events and Comments, End.
  net::Awaitable<ApiResult<void>> BeginEvents(std::vector<http::Header> headers = {});
  // Whole events as they are on the wire, each with its empty line.
  net::Awaitable<ApiResult<void>> Events(std::string_view raw);
  // The same, but never waits: false if not all of it went out at once. Then Events must be called,
  // maybe with nothing, for the rest to follow. Not while Events is under way.
  [[nodiscard]] bool EventsNow(std::string_view raw) { return exchange_.WriteNow(raw); }
  net::Awaitable<ApiResult<void>> Event(std::string_view data);
  // A comment that tells every proxy on the way that the answer lives.
  net::Awaitable<ApiResult<void>> KeepAlive();
  net::Awaitable<ApiResult<void>> End();

  // Says that the request waits; `is_stream`: its answer will be one.
  net::Awaitable<ApiResult<void>> Waiting(const WaitNotice& notice, bool is_stream);

  // Before the answer begins: the level of service, and what its answers are shortened to; 0: they
  // are not.
  void TellLevel(std::string_view level, std::uint32_t tokens_max);

  // Says the failure, if anybody is there to hear it.
  net::Awaitable<void> Fail(const ApiError& error);

 private:
  enum class Form : std::uint8_t { kNone, kWhole, kEvents };

  ApiResult<void> Told(const Result<void>& written) const;
  net::Awaitable<ApiResult<void>> SendWaitedFor(std::string_view body);

  http::Exchange& exchange_;
  Dialect dialect_ = Dialect::kOpenAi;
  const std::string_view request_id_;
  Form form_ = Form::kNone;  // Of a head that is out.
  std::string level_comment_;
};

}  // namespace holdfast::api
