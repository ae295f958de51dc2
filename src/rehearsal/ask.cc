#include "rehearsal/ask.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "http/sse.h"
#include "json/json.h"
#include "net/dial_from.h"

namespace holdfast::rehearsal {
namespace {

constexpr std::size_t kShortAnswerBytesMax = 4 << 20;
constexpr std::chrono::milliseconds kConnectTimeMax{5'000};
constexpr double kRetryAfterMax = 86'400;

std::optional<double> NumberIn(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return std::min(number, kRetryAfterMax);
}

void ReadRetryHeaders(const http::ResponseHead& head, Reply& reply) {
  const std::string_view should = head.Find("x-should-retry");
  if (should == "true" || should == "false") reply.should_retry = should == "true";
  if (const auto ms = NumberIn(head.Find("retry-after-ms"))) {
    reply.retry_after_s = *ms / 1'000;
  } else {
    reply.retry_after_s = NumberIn(head.Find("retry-after"));
  }
}

// "a=b" of "a=b; HttpOnly".
std::string CookieIn(const http::ResponseHead& head) {
  const std::string_view field = head.Find("set-cookie");
  return std::string(field.substr(0, field.find(';')));
}

// The word by which an error names its cause, in our shape or in OpenAI's.
std::string ReasonIn(std::string_view body) {
  const Result<json::Value> value = json::Parse(body);
  if (!value || !value->is_object()) return {};
  const Result<const json::Object*> error = json::RequireObject(value->get_object(), "error");
  if (!error) return {};
  for (const char* const key : {"reason", "code", "type"}) {
    const Result<std::string> word = json::RequireString(**error, key);
    if (word && !word->empty()) return *word;
  }
  return {};
}

std::uint32_t TokensIn(std::string_view body) {
  const Result<json::Value> value = json::Parse(body);
  if (!value || !value->is_object()) return 0;
  const Result<const json::Object*> usage = json::RequireObject(value->get_object(), "usage");
  if (!usage) return 0;
  return static_cast<std::uint32_t>(
      json::IntOr(**usage, "completion_tokens", 0, 0, UINT32_MAX).value_or(0));
}

// A chunk that brings text. Parsing every chunk would cost the generator more than reading it.
bool HasText(std::string_view data) {
  for (const std::string_view key : {"\"content\":\"", "\"reasoning_content\":\""}) {
    const std::size_t at = data.find(key);
    if (at != std::string_view::npos && at + key.size() < data.size() &&
        data[at + key.size()] != '"') {
      return true;
    }
  }
  return false;
}

class Asking {
 public:
  Asking(Stage& stage, Caller& caller, const Question& question)
      : stage_(stage), caller_(caller), question_(question), request_(question.request) {
    if (stage.plan().is_through_proxy) {
      request_.headers.push_back({"X-Forwarded-For", caller.address.ToString()});
      request_.headers.push_back({"X-Forwarded-Proto", "https"});
    }
    Attempt& attempt = reply_.attempt;
    attempt.group = caller.number;
    attempt.client = caller.client;
    attempt.wish = question.wish;
    attempt.retry = question.retry;
    attempt.act = question.act;
    attempt.due = question.due;
    attempt.begun = stage.Now();
    patience_end_ =
        std::min(stage.HardEnd(),
                 question.patience_s > 0
                     ? stage.TimeOf(attempt.begun + static_cast<Micros>(question.patience_s * 1e6))
                     : stage.HardEnd());
  }

  net::Awaitable<Reply> Run() {
    if (!stage_.HasRoom()) {
      reply_.attempt.end = End::kUnsent;
    } else {
      const Stage::Opening opening(stage_);
      co_await RunOpen();
    }
    reply_.attempt.ended = stage_.Now();
    stage_.Note(reply_.attempt);
    co_return std::move(reply_);
  }

 private:
  net::Awaitable<void> RunOpen() {
    Result<void> started = co_await Start();
    if (!started) {
      const bool has_left = started.error().code == ErrorCode::kDeadlineExceeded;
      reply_.attempt.end = has_left ? End::kLeft : End::kFailed;
      reply_.attempt.reason = ErrorCodeName(started.error().code);
      co_return;
    }
    const http::ResponseHead& head = call_->head();
    reply_.attempt.status = head.status;
    ReadRetryHeaders(head, reply_);
    reply_.cookie = CookieIn(head);
    if (head.status == 200 && head.content_type.starts_with("text/event-stream")) {
      co_await ReadEvents();
    } else {
      co_await ReadShort();
    }
    if (request_.keeps_alive) caller_.kept = call_->TakeStream();
  }

  // A connection that was kept may be gone by now; then a new one is made.
  net::Awaitable<Result<void>> Start() {
    std::unique_ptr<net::Stream> kept = std::exchange(caller_.kept, nullptr);
    if (kept != nullptr && kept->IsQuiet()) {
      call_.emplace();
      Result<void> started = co_await call_->StartOn(std::move(kept), request_, patience_end_);
      if (started || call_->has_answered() ||
          started.error().code == ErrorCode::kDeadlineExceeded) {
        co_return started;
      }
    }
    const int buffer_bytes = question_.read_interval_s > 0 ? kSlowBufferBytes : 0;
    CO_TRY_ASSIGN(std::unique_ptr<net::Stream> stream,
                  co_await Connect(stage_, caller_, buffer_bytes));
    call_.emplace();
    co_return co_await call_->StartOn(std::move(stream), request_, patience_end_);
  }

  net::Awaitable<void> ReadShort() {
    Attempt& attempt = reply_.attempt;
    Result<std::string> body = co_await call_->ReadAll(kShortAnswerBytesMax, patience_end_);
    const bool is_error = attempt.status >= 400;
    if (!body) {
      const bool has_left = body.error().code == ErrorCode::kDeadlineExceeded;
      attempt.end = is_error ? End::kRefused : has_left ? End::kLeft : End::kBroken;
      attempt.reason = ErrorCodeName(body.error().code);
      co_return;
    }
    attempt.end = is_error ? End::kRefused : End::kDone;
    if (is_error) attempt.reason = ReasonIn(*body);
    if (!is_error && question_.act == Act::kChat) {
      attempt.tokens = TokensIn(*body);
      attempt.first_token = attempt.last_token = stage_.Now();
    }
    reply_.body = std::move(*body);
  }

  net::Awaitable<void> ReadEvents() {
    Attempt& attempt = reply_.attempt;
    http::SseSplitter splitter;
    attempt.end = End::kBroken;
    while (true) {
      if (question_.read_interval_s > 0) {
        co_await stage_.SleepUntil(stage_.Now() +
                                   static_cast<Micros>(question_.read_interval_s * 1e6));
      }
      const bool is_waiting = attempt.first_token == kNever;
      Result<std::string> part =
          co_await call_->ReadPart(is_waiting ? patience_end_ : stage_.HardEnd());
      if (!part) {
        const bool has_left = part.error().code == ErrorCode::kDeadlineExceeded;
        if (attempt.end == End::kBroken && has_left) attempt.end = End::kLeft;
        if (attempt.reason.empty()) attempt.reason = ErrorCodeName(part.error().code);
        co_return;
      }
      if (part->empty()) co_return;
      if (!splitter.Push(*part)) co_return;
      for (std::string event = splitter.Take(); !event.empty(); event = splitter.Take()) {
        TakeEvent(event);
      }
      if (question_.leave_tokens > 0 && attempt.tokens >= question_.leave_tokens) {
        attempt.end = End::kLeft;
        call_->Close();
        co_return;
      }
    }
  }

  void TakeEvent(const std::string& event) {
    Attempt& attempt = reply_.attempt;
    if (event.starts_with(':')) {
      const std::optional<std::int64_t> wait_ms = ParseWaitNotice(event);
      if (!wait_ms) return;
      if (attempt.notices++ > 0) return;
      attempt.wait_told_at = stage_.Now();
      attempt.wait_told_ms = *wait_ms;
      return;
    }
    const std::string data = http::SseSplitter::Data(event);
    if (data == "[DONE]") {
      if (attempt.reason.empty()) attempt.end = End::kDone;
    } else if (HasText(data)) {
      attempt.last_token = stage_.Now();
      if (attempt.tokens++ == 0) attempt.first_token = attempt.last_token;
    } else if (data.starts_with("{\"error\"")) {
      attempt.reason = ReasonIn(data);
      if (attempt.reason.empty()) attempt.reason = "error_event";
    }
  }

  static constexpr int kSlowBufferBytes = 4 << 10;

  Stage& stage_;
  Caller& caller_;
  const Question& question_;
  http::ClientRequest request_;  // As it is sent.
  net::TimePoint patience_end_;
  std::optional<http::ClientCall> call_;
  Reply reply_;
};

}  // namespace

net::Awaitable<Reply> Ask(Stage& stage, Caller& caller, const Question& question) {
  Asking asking(stage, caller, question);
  co_return co_await asking.Run();
}

net::Awaitable<Result<std::unique_ptr<net::Stream>>> Connect(Stage& stage, const Caller& caller,
                                                             int receive_buffer_bytes) {
  const net::Address proxy = net::Address::V4({127, 0, 0, 1});
  const net::Source source{stage.plan().is_through_proxy ? proxy : caller.address,
                           receive_buffer_bytes};
  const net::TimePoint deadline = std::min(net::Clock::now() + kConnectTimeMax, stage.HardEnd());
  co_return co_await net::DialFrom(source, stage.TargetOf(*caller.group), deadline);
}

std::optional<std::int64_t> ParseWaitNotice(std::string_view event) {
  constexpr std::string_view kBegin = ": waiting place=";
  constexpr std::string_view kWait = " wait_ms=";
  if (!event.starts_with(kBegin)) return std::nullopt;
  const std::size_t at = event.find(kWait);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view digits = event.substr(at + kWait.size());
  std::int64_t wait_ms = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), wait_ms);
  if (error != std::errc{}) return std::nullopt;
  return wait_ms;
}

}  // namespace holdfast::rehearsal
