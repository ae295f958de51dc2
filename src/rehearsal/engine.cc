#include "rehearsal/engine.h"

#include <algorithm>
#include <list>
#include <optional>
#include <utility>

#include "http/sse.h"
#include "json/json.h"
#include "net/event.h"
#include "rehearsal/plan.h"
#include "rehearsal/process.h"
#include "rehearsal/prompts.h"

namespace holdfast::rehearsal {
namespace {

constexpr std::size_t kBodyBytesMax = 16 << 20;
constexpr std::uint32_t kAnswerTokensMax = 100'000;
constexpr std::size_t kTokenBytes = 4;

struct Request {
  bool is_streamed = false;
  bool wants_usage = false;
  std::size_t prompt_tokens = 0;
  std::uint32_t answer_tokens = 0;
  bool is_cut = false;  // By max_tokens.
};

Result<Request> ReadRequest(std::string_view body, const EngineOptions& options) {
  TRY_ASSIGN(const json::Value value, json::Parse(body, {.text_bytes_max = kBodyBytesMax}));
  if (!value.is_object()) return Fail(ErrorCode::kInvalidArgument, "must be an object");
  const json::Object& object = value.get_object();
  Request request;
  TRY_ASSIGN(request.is_streamed, json::BoolOr(object, "stream", false));
  if (json::Find(object, "stream_options") != nullptr) {
    TRY_ASSIGN(const json::Object* const wishes, json::RequireObject(object, "stream_options"));
    TRY_ASSIGN(request.wants_usage, json::BoolOr(*wishes, "include_usage", false));
  }
  TRY_ASSIGN(const json::Array* const messages, json::RequireArray(object, "messages", 10'000));
  request.answer_tokens = static_cast<std::uint32_t>(options.answer_tokens);
  for (const json::Value& message : *messages) {
    if (!message.is_object()) continue;
    const Result<std::string> content = json::RequireString(message.get_object(), "content");
    if (!content) continue;
    request.prompt_tokens += content->size() / kTokenBytes + 1;
    if (const auto length = FindLength(*content)) request.answer_tokens = *length;
  }
  request.answer_tokens = std::clamp(request.answer_tokens, 1U, kAnswerTokensMax);
  for (const char* const key : {"max_tokens", "max_completion_tokens"}) {
    TRY_ASSIGN(const std::int64_t limit, json::IntOr(object, key, 0, 0, UINT32_MAX));
    if (limit == 0 || limit >= request.answer_tokens) continue;
    request.answer_tokens = static_cast<std::uint32_t>(limit);
    request.is_cut = true;
  }
  return request;
}

std::string Usage(const Request& request) {
  return fmt::format(R"("usage":{{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{}}})",
                     request.prompt_tokens, request.answer_tokens,
                     request.prompt_tokens + request.answer_tokens);
}

net::Awaitable<void> SendJson(http::Exchange& exchange, int status, std::string_view body) {
  http::ResponseHead head;
  head.status = status;
  head.content_type = "application/json";
  co_await exchange.Send(head, body);
}

net::Awaitable<void> SendError(http::Exchange& exchange, int status, std::string_view message) {
  const std::string body =
      json::Write(json::Object{{"error", json::Object{{"message", message}, {"code", status}}}});
  co_await SendJson(exchange, status, body);
}

http::ServerOptions ServerOptionsOf() {
  http::ServerOptions options;
  options.connections.total_max = kConnectionsMax;
  options.connections.per_address_max = kConnectionsMax;
  options.connections.long_answers_max = kConnectionsMax;
  options.requests_per_connection_max = static_cast<std::size_t>(kRequestsMax);
  return options;
}

}  // namespace

// The places of the batch, and the line before them: first come, first served.
class ScriptedEngine::Slots {
 public:
  explicit Slots(const EngineOptions& options)
      : free_(options.slots), waiting_max_(options.waiting_max) {}

  class Holder {
   public:
    explicit Holder(Slots& slots) : slots_(slots) {}
    ~Holder() { slots_.Release(); }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

   private:
    Slots& slots_;
  };

  // False: the line is full, or the client left it.
  net::Awaitable<bool> Take(http::Exchange& exchange) {
    if (free_ > 0) {
      --free_;
      co_return true;
    }
    if (line_.size() >= waiting_max_) co_return false;
    net::Event event(exchange.executor());
    Waiter waiter{&event};
    const auto place = line_.insert(line_.end(), &waiter);
    const net::StopSource::Listener listener = exchange.stop().OnStop([&event] { event.Notify(); });
    co_await event.Wait(net::kNoDeadline);
    if (waiter.has_slot) co_return true;
    line_.erase(place);
    co_return false;
  }

 private:
  struct Waiter {
    net::Event* event;
    bool has_slot = false;
  };

  // The slot passes to the first in line.
  void Release() {
    if (line_.empty()) {
      ++free_;
      return;
    }
    Waiter* const next = line_.front();
    line_.pop_front();
    next->has_slot = true;
    next->event->Notify();
  }

  int free_;
  const std::size_t waiting_max_;
  std::list<Waiter*> line_;
};

namespace {

// An answer at its slot's pace. Its times are counted from its beginning, so that a late step does
// not make the next one later.
class Answering {
 public:
  Answering(http::Exchange& exchange, const EngineOptions& options, const Request& request)
      : exchange_(exchange),
        options_(options),
        request_(request),
        token_time_(static_cast<double>(options.slots) / options.tokens_per_s),
        begun_(net::Clock::now()) {
    if (options.prompt_tokens_per_s > 0) {
      prompt_time_ = std::chrono::duration<double>(static_cast<double>(request.prompt_tokens) *
                                                   options.slots / options.prompt_tokens_per_s);
    }
  }

  net::Awaitable<void> Run() {
    if (request_.is_streamed) {
      co_await Stream();
    } else {
      co_await Whole();
    }
  }

 private:
  // Until that many tokens are made; false: the client has left.
  net::Awaitable<bool> SleepTo(std::uint32_t token) {
    net::Event event(exchange_.executor());
    const net::StopSource::Listener listener =
        exchange_.stop().OnStop([&event] { event.Notify(); });
    const auto offset = prompt_time_ + token_time_ * static_cast<double>(token);
    const bool has_stopped =
        co_await event.Wait(begun_ + std::chrono::duration_cast<net::Clock::duration>(offset));
    co_return !has_stopped;
  }

  std::string Chunk(std::string_view delta, std::string_view finish) const {
    return fmt::format(
        R"({{"id":"chatcmpl-scripted","object":"chat.completion.chunk","created":1,"model":"{}",)"
        R"("choices":[{{"index":0,"delta":{},"finish_reason":{}}}]}})",
        options_.model, delta, finish);
  }
  std::string_view Finish() const { return request_.is_cut ? "\"length\"" : "\"stop\""; }

  net::Awaitable<void> Stream() {
    http::SseWriter writer(exchange_);
    Result<void> sent = co_await writer.Begin({});
    const std::string token = Chunk(R"({"content":"word "})", "null");
    for (std::uint32_t i = 1; sent && i <= request_.answer_tokens; ++i) {
      if (!co_await SleepTo(i)) {
        exchange_.Abort();
        co_return;
      }
      sent = co_await writer.Event(token);
    }
    if (sent) sent = co_await writer.Event(Chunk("{}", Finish()));
    if (sent && request_.wants_usage) {
      const std::string usage =
          fmt::format(R"({{"id":"chatcmpl-scripted","object":"chat.completion.chunk","created":1,)"
                      R"("model":"{}","choices":[],{}}})",
                      options_.model, Usage(request_));
      sent = co_await writer.Event(usage);
    }
    if (sent) sent = co_await writer.Event("[DONE]");
    if (sent) co_await writer.End();
  }

  net::Awaitable<void> Whole() {
    if (!co_await SleepTo(request_.answer_tokens)) {
      exchange_.Abort();
      co_return;
    }
    std::string text;
    for (std::uint32_t i = 0; i < request_.answer_tokens; ++i) text += "word ";
    const std::string body = fmt::format(
        R"({{"id":"chatcmpl-scripted","object":"chat.completion","created":1,"model":"{}",)"
        R"("choices":[{{"index":0,"message":{{"role":"assistant","content":"{}"}},)"
        R"("finish_reason":{}}}],{}}})",
        options_.model, text, Finish(), Usage(request_));
    co_await SendJson(exchange_, 200, body);
  }

  http::Exchange& exchange_;
  const EngineOptions& options_;
  const Request& request_;
  const std::chrono::duration<double> token_time_;
  std::chrono::duration<double> prompt_time_{0};
  const net::TimePoint begun_;
};

}  // namespace

ScriptedEngine::ScriptedEngine(const EngineOptions& options)
    : options_(options),
      slots_(std::make_unique<Slots>(options)),
      server_(
          threads_, ServerOptionsOf(), [this](http::Exchange& exchange) { return Serve(exchange); },
          [](http::Exchange& exchange, const http::Refusal& refusal) {
            return SendError(exchange, refusal.status, refusal.message);
          }) {}

ScriptedEngine::~ScriptedEngine() {
  server_.Drain(std::chrono::milliseconds(0));
  threads_.Stop();
}

Result<std::unique_ptr<ScriptedEngine>> ScriptedEngine::Open(const EngineOptions& options) {
  const std::optional<net::Address> address = net::Address::Parse(options.listen.host);
  const bool is_local = options.listen.IsUnix() || options.listen.host == "localhost" ||
                        (address && address->is_loopback());
  if (!is_local) {
    return Fail(ErrorCode::kPermissionDenied, "{} is not on the loopback",
                options.listen.ToString());
  }
  std::unique_ptr<ScriptedEngine> engine(new ScriptedEngine(options));
  if (options.core >= 0) {
    Result<void> pinned;
    engine->threads_.Run(0, [&] { pinned = PinThread(options.core); });
    TRY(pinned);
  }
  TRY(engine->server_.Listen(options.listen));
  return engine;
}

net::Awaitable<void> ScriptedEngine::Serve(http::Exchange& exchange) {
  const std::string& path = exchange.head().path;
  if (path == "/v1/chat/completions" && exchange.head().method == http::Method::kPost) {
    co_await ServeChat(exchange);
  } else if (path == "/health") {
    co_await SendJson(exchange, 200, R"({"status":"ok"})");
  } else if (path == "/v1/models") {
    const std::string body = fmt::format(
        R"({{"object":"list","data":[{{"id":"{}","object":"model","created":1,"owned_by":)"
        R"("rehearsal"}}]}})",
        options_.model);
    co_await SendJson(exchange, 200, body);
  } else {
    co_await SendError(exchange, 404, "no such page");
  }
}

net::Awaitable<void> ScriptedEngine::ServeChat(http::Exchange& exchange) {
  const http::BodyLimits limits{.bytes_max = kBodyBytesMax};
  const auto body = co_await exchange.ReadBody(limits);
  if (!body) {
    co_await SendError(exchange, body.error().status, body.error().message);
    co_return;
  }
  const Result<Request> request = ReadRequest(*body, options_);
  if (!request) {
    co_await SendError(exchange, 400, request.error().message);
    co_return;
  }
  if (!co_await slots_->Take(exchange)) {
    co_await SendError(exchange, 503, "the line is full");
    co_return;
  }
  const Slots::Holder holder(*slots_);
  Answering answering(exchange, options_, *request);
  co_await answering.Run();
}

}  // namespace holdfast::rehearsal
