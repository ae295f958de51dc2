#include "upstream/attempt.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "net/asio.h"
#include "net/event.h"

namespace holdfast::upstream {
namespace {

constexpr std::size_t kErrorBytesMax = 256 << 10;
constexpr std::chrono::milliseconds kErrorTimeMax{5'000};
// For the bytes that end an answer whose last event is here.
constexpr std::chrono::milliseconds kLastBytesTimeMax{1'000};
constexpr std::chrono::milliseconds kRetryAfterMax{3'600'000};

// For a type without parameters: "application/json" of "application/json; charset=utf-8".
std::string MediaType(std::string_view content_type) {
  std::string type(content_type.substr(0, std::min(content_type.find(';'), content_type.size())));
  while (type.ends_with(' ')) type.pop_back();
  std::ranges::transform(type, type.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return type;
}

bool IsJson(std::string_view type) { return type == "application/json" || type.ends_with("+json"); }

std::optional<std::chrono::milliseconds> RetryAfter(const http::ResponseHead& head) {
  struct Unit {
    std::string_view name;
    std::int64_t ms;
  };
  for (const Unit unit : {Unit{"retry-after-ms", 1}, Unit{"retry-after", 1'000}}) {
    const std::string_view text = head.Find(unit.name);
    std::int32_t value = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) continue;
    return std::min(std::chrono::milliseconds(value * unit.ms), kRetryAfterMax);
  }
  return std::nullopt;
}

// Which failure a status is. The engine refusing us, not the request, is its operator's fault.
FailureKind KindOf(int status) {
  constexpr std::array kRefusesUs = {401, 402, 403, 407, 421};
  if (status == 429 || status == 503) return FailureKind::kBusy;
  if (std::ranges::find(kRefusesUs, status) != kRefusesUs.end()) return FailureKind::kError;
  if (status >= 400 && status < 500) return FailureKind::kRefused;
  return status >= 500 ? FailureKind::kError : FailureKind::kWrongContent;
}

net::Awaitable<void> ReadLastBytes(std::unique_ptr<http::ClientCall> call, IdleConnections& idle) {
  const net::TimePoint deadline = net::Clock::now() + kLastBytesTimeMax;
  const Result<std::string> rest = co_await call->ReadPart(deadline);
  // More than the end is nothing that we wait for.
  if (!rest || !rest->empty()) co_return;
  std::unique_ptr<net::Stream> stream = call->TakeStream();
  if (stream != nullptr) idle.Give(std::move(stream));
}

}  // namespace

Attempt::Attempt(RemoteEngine& engine, const PoolLimits& limits, net::Executor executor,
                 net::StopSource& stop, std::function<bool()> may_leave)
    : engine_(engine),
      limits_(limits),
      executor_(std::move(executor)),
      stop_(stop),
      cut_(executor_),
      total_deadline_(net::Clock::now() + limits.answer_time_max),
      splitter_(limits.event_bytes_max),
      loss_listener_(std::make_shared<LossListener>(executor_)) {
  head_deadline_ = std::min(total_deadline_, net::Clock::now() + limits.head_time_max);
  loss_listener_->lost = [this, may_leave = std::move(may_leave)] {
    is_lost_ = may_leave();
    if (is_lost_) Cut(net::StopReason::kLimit);
  };
  engine_.BeginCall();
  engine_.TellLoss(loss_listener_);
  stop_listener_ = stop.OnStop([this] { Cut(stop_.reason()); });
}

Attempt::~Attempt() {
  loss_listener_->lost = nullptr;
  Settle(FailureKind::kStopped);
}

void Attempt::Cut(net::StopReason reason) {
  cut_.Stop(reason);
  if (call_ != nullptr) call_->Close();
}

void Attempt::Settle(std::optional<FailureKind> failure) {
  if (is_settled_) return;
  is_settled_ = true;
  engine_.EndCall(failure, net::Clock::now());
}

Failure Attempt::MakeFailure(FailureKind kind, Error cause) const {
  Failure failure;
  failure.kind = kind;
  failure.engine = engine_.spec().name;
  failure.cause = std::move(cause);
  failure.stop = stop_.reason();
  return failure;
}

std::unexpected<Failure> Attempt::End(FailureKind kind, Error cause) {
  if (call_ != nullptr) call_->Close();
  return std::unexpected(MakeFailure(kind, std::move(cause)));
}

// `late`: what a deadline that passed means in this place.
std::unexpected<Failure> Attempt::EndOf(const Error& error, FailureKind late) {
  if (stop_.is_stopped()) return End(FailureKind::kStopped, error);
  if (is_lost_) {
    return End(FailureKind::kSilent,
               MakeError(ErrorCode::kUnavailable, "the engine does not answer its health checks"));
  }
  switch (error.code) {
    case ErrorCode::kDeadlineExceeded:
      if (net::Clock::now() >= total_deadline_) late = FailureKind::kTimedOutTotal;
      return End(late, error);
    case ErrorCode::kTooLarge:
      return End(FailureKind::kTooLarge, error);
    case ErrorCode::kResourceExhausted:
      return End(FailureKind::kResourceExhausted, error);
    default:
      return End(FailureKind::kBroken, error);
  }
}

net::Awaitable<std::expected<void, Failure>> Attempt::Start(const Call& call,
                                                            const RequestBody& body) {
  const std::expected<void, Failure> started = co_await TryStart(call, body);
  if (!started) Settle(started.error().kind);
  co_return started;
}

net::Awaitable<std::expected<void, Failure>> Attempt::TryStart(const Call& call,
                                                               const RequestBody& body) {
  http::ClientRequest request = engine_.Request(http::Method::kPost, call.path);
  request.headers.push_back({"Content-Type", "application/json"});
  request.headers.push_back({"Accept", "application/json, text/event-stream"});
  if (!call.request_id.empty()) request.headers.push_back({"x-request-id", call.request_id});
  if (!call.client.empty()) request.headers.push_back({"x-holdfast-client", call.client});
  asks_running_usage_ = engine_.CanTellUsageOf(call);
  request.more_body = body.Parts(asks_running_usage_);
  if (stop_.is_stopped()) co_return End(FailureKind::kStopped, Error{});
  // A connection that the engine closed while it was idle is no failure of the engine.
  if (std::unique_ptr<net::Stream> idle = engine_.idle().Take(executor_); idle != nullptr) {
    call_ = std::make_unique<http::ClientCall>();
    const Result<void> started = co_await call_->StartOn(std::move(idle), request, head_deadline_);
    if (started) co_return co_await Judge(call);
    const bool was_dead = started.error().code == ErrorCode::kUnavailable && !call_->has_answered();
    if (!was_dead || cut_.is_stopped()) {
      const bool is_garbage = started.error().code == ErrorCode::kCorrupt;
      if (is_garbage) co_return End(FailureKind::kNotHttp, started.error());
      co_return EndOf(started.error(), FailureKind::kTimedOutHead);
    }
  }
  const std::expected<void, Failure> connected = co_await Connect(request);
  if (!connected) co_return std::unexpected(connected.error());
  co_return co_await Judge(call);
}

net::Awaitable<std::expected<void, Failure>> Attempt::Connect(const http::ClientRequest& request) {
  const net::DialOptions options{
      .deadline = std::min(head_deadline_, net::Clock::now() + limits_.connect_time_max),
      .tls = engine_.tls(),
      .stop = &cut_};
  Result<std::unique_ptr<net::Stream>> stream =
      co_await net::Dial(engine_.address().endpoint, options);
  if (!stream) {
    const ErrorCode code = stream.error().code;
    if (cut_.is_stopped() || code == ErrorCode::kResourceExhausted) {
      co_return EndOf(stream.error(), FailureKind::kTimedOutConnecting);
    }
    co_return End(code == ErrorCode::kDeadlineExceeded ? FailureKind::kTimedOutConnecting
                                                       : FailureKind::kUnreachable,
                  stream.error());
  }
  call_ = std::make_unique<http::ClientCall>();
  const Result<void> started = co_await call_->StartOn(std::move(*stream), request, head_deadline_);
  if (started) co_return std::expected<void, Failure>();
  if (started.error().code == ErrorCode::kCorrupt) {
    co_return End(FailureKind::kNotHttp, started.error());
  }
  co_return EndOf(started.error(), FailureKind::kTimedOutHead);
}

net::Awaitable<std::expected<void, Failure>> Attempt::Judge(const Call& call) {
  const http::ResponseHead& head = call_->head();
  engine_.LearnFrom(head);
  if (head.status != 200) co_return std::unexpected(co_await ReadRefusal());
  const std::string type = MediaType(head.content_type);
  is_stream_ = type == "text/event-stream";
  const bool fits = call.wants_stream ? is_stream_ : IsJson(type);
  if (!fits) {
    co_return End(FailureKind::kWrongContent,
                  MakeError(ErrorCode::kCorrupt, "the answer is neither events nor JSON as asked"));
  }
  engine_.AnswerBegan();
  co_return std::expected<void, Failure>();
}

net::Awaitable<Failure> Attempt::ReadRefusal() {
  const int status = call_->head().status;
  const FailureKind kind = KindOf(status);
  const net::TimePoint deadline = std::min(total_deadline_, net::Clock::now() + kErrorTimeMax);
  const Result<std::string> body = co_await call_->ReadAll(kErrorBytesMax, deadline);
  Failure failure =
      MakeFailure(stop_.is_stopped() ? FailureKind::kStopped : kind,
                  MakeError(ErrorCode::kUnavailable, "the engine answers with status {}", status));
  failure.status = status;
  failure.retry_after = RetryAfter(call_->head());
  if (body) failure.error = ReadError(*body);
  if (std::unique_ptr<net::Stream> stream = call_->TakeStream(); stream != nullptr) {
    engine_.idle().Give(std::move(stream));
  }
  // Its next health check says more.
  const bool is_draining = failure.error && failure.error->reason == Word(Reason::kDraining);
  if (is_draining) engine_.SetState(EngineState::kDraining, "draining", net::Clock::now());
  co_return failure;
}

net::Awaitable<Attempt::Part> Attempt::Next() {
  if (!is_stream_) co_return co_await NextWhole();
  while (true) {
    std::string event = splitter_.Take();
    if (event.empty() && has_ended_) event = splitter_.TakeRest();
    if (!event.empty()) {
      Result<Delta> delta = ReadEvent(std::move(event));
      if (!delta) co_return EndOf(delta.error(), FailureKind::kSilent);
      co_return std::move(*delta);
    }
    if (has_ended_) co_return std::nullopt;
    const net::TimePoint deadline =
        std::min(total_deadline_, net::Clock::now() + limits_.silence_max);
    const Result<std::string> part = co_await call_->ReadPart(deadline);
    if (!part) co_return EndOf(part.error(), FailureKind::kSilent);
    has_ended_ = part->empty();
    if (const Result<void> pushed = splitter_.Push(*part); !pushed) {
      co_return EndOf(pushed.error(), FailureKind::kSilent);
    }
  }
}

net::Awaitable<Attempt::Part> Attempt::NextWhole() {
  if (has_ended_) co_return std::nullopt;
  std::string body;
  while (true) {
    const net::TimePoint deadline =
        std::min(total_deadline_, net::Clock::now() + limits_.silence_max);
    const Result<std::string> part = co_await call_->ReadPart(deadline);
    if (!part) co_return EndOf(part.error(), FailureKind::kSilent);
    if (part->empty()) break;
    if (body.size() + part->size() > limits_.answer_bytes_max) {
      co_return EndOf(MakeError(ErrorCode::kTooLarge, "the answer is over the limit of {} bytes",
                                limits_.answer_bytes_max),
                      FailureKind::kSilent);
    }
    body += *part;
  }
  has_ended_ = true;
  Result<Delta> delta = ReadWhole(std::move(body));
  if (!delta) co_return End(FailureKind::kWrongContent, delta.error());
  co_return std::move(*delta);
}

void Attempt::Finish() {
  Settle(std::nullopt);
  if (call_ == nullptr) return;
  if (std::unique_ptr<net::Stream> stream = call_->TakeStream(); stream != nullptr) {
    engine_.idle().Give(std::move(stream));
  } else if (!call_->is_done() && !cut_.is_stopped()) {
    net::asio::co_spawn(executor_, ReadLastBytes(std::move(call_), engine_.idle()),
                        net::asio::detached);
  }
}

}  // namespace holdfast::upstream
