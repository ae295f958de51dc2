#include "server/terminal_chat.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>
#include <utility>

#include <pthread.h>
#include <unistd.h>

#include "base/log.h"
#include "http/client.h"
#include "http/sse.h"
#include "json/json.h"
#include "net/event.h"
#include "net/io_threads.h"
#include "server/child_process.h"

namespace holdfast::server {
namespace {

constexpr std::chrono::seconds kLoadTimeMax{300};
constexpr std::chrono::seconds kAnswerTimeMax{600};
constexpr std::chrono::milliseconds kHealthEvery{100};
constexpr std::size_t kErrorBytesMax = 64 << 10;

// A network task on an I/O thread that the main thread waits for, and that Ctrl-C ends.
class Foreground {
 public:
  Foreground() : threads_((BlockInterrupt(), 1)) {}
  ~Foreground() { threads_.Stop(); }

  // Runs `task`; when Ctrl-C comes first, calls `cancel` on the same I/O thread, once.
  void Run(std::function<net::Awaitable<void>()> task, std::function<void()> cancel) {
    const pthread_t main = pthread_self();
    threads_.Spawn(0, RunAndTell(std::move(task), main));
    while (true) {
      int signal = 0;
      sigwait(&set_, &signal);
      if (signal == kDoneSignal) return;
      if (cancel) threads_.Post(0, std::exchange(cancel, nullptr));
    }
  }

 private:
  static constexpr int kDoneSignal = SIGUSR1;

  void BlockInterrupt() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, kDoneSignal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }

  static net::Awaitable<void> RunAndTell(std::function<net::Awaitable<void>()> task,
                                         pthread_t main) {
    co_await task();
    pthread_kill(main, kDoneSignal);
  }

  sigset_t set_;
  net::IoThreads threads_;
};

// An engine of this conversation's own, on a socket in a folder of its own.
class PrivateEngine {
 public:
  static Result<PrivateEngine> Start(const Config& config) {
    std::string folder = "/tmp/holdfast-chat-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) return Fail(ErrnoError("make a folder in /tmp"));
    PrivateEngine engine;
    engine.folder_ = folder;
    engine.endpoint_.path = folder + "/engine.sock";
    TRY_ASSIGN(
        engine.child_,
        ChildProcess::Start({"engine"}, {{"HOLDFAST_MODEL_PATH", config.model.path},
                                         {"HOLDFAST_MODEL_NAME", config.model.name},
                                         {"HOLDFAST_ENGINE_LISTEN", engine.endpoint_.ToString()},
                                         {"HOLDFAST_LOG_LEVEL", "warn"}}));
    return engine;
  }
  PrivateEngine(PrivateEngine&&) = default;
  PrivateEngine& operator=(PrivateEngine&&) = default;
  ~PrivateEngine() {
    child_.reset();
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  const net::Endpoint& endpoint() const { return endpoint_; }
  bool has_ended() { return child_->TakeExit().has_value(); }

 private:
  PrivateEngine() = default;
  std::filesystem::path folder_;
  net::Endpoint endpoint_;
  std::optional<ChildProcess> child_;
};

Result<net::Endpoint> ParseUrl(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) {
    return Fail(ErrorCode::kInvalidArgument, "--url {}: must be http://HOST:PORT", url);
  }
  std::string host(url.substr(kScheme.size()));
  host = host.substr(0, host.find('/'));
  if (host.rfind(':') == std::string::npos || host.ends_with(']')) host += ":80";
  return net::ParseEndpoint(host);
}

class Conversation {
 public:
  Conversation(const net::Endpoint& endpoint, const TerminalChatOptions& options)
      : endpoint_(endpoint), options_(options) {
    Reset();
  }

  void Reset() {
    messages_.clear();
    if (!options_.system.empty()) Add("system", options_.system);
  }

  // The model's id, once the server answers.
  net::Awaitable<void> FindModel(std::function<bool()> has_ended) {
    const net::TimePoint deadline = net::Clock::now() + kLoadTimeMax;
    net::Event never(co_await net::CurrentExecutor());
    while (model_.empty() && !is_cancelled_ && !has_ended() && net::Clock::now() < deadline) {
      Result<std::string> model = co_await AskModel();
      if (model) model_ = std::move(*model);
      if (!model) error_ = model.error();
      if (!model) co_await never.Wait(net::Clock::now() + kHealthEvery);
    }
  }

  // Asks and prints the answer as it comes.
  net::Awaitable<void> Ask(std::string question) {
    is_cancelled_ = false;
    Add("user", question);
    std::string answer;
    const Result<void> asked = co_await Stream(answer);
    if (!asked && !is_cancelled_) fmt::print("\n[{}]", asked.error().message);
    if (is_cancelled_) fmt::print(" [stopped]");
    fmt::print("\n");
    // What was not answered at all is not part of the conversation.
    if (answer.empty()) {
      messages_.pop_back();
    } else {
      Add("assistant", answer);
    }
  }

  void Cancel() {
    is_cancelled_ = true;
    if (call_ != nullptr) call_->Close();
  }

  const std::string& model() const { return model_; }
  const std::optional<Error>& error() const { return error_; }

 private:
  void Add(std::string_view role, std::string_view content) {
    json::Object message;
    message["role"] = role;
    message["content"] = content;
    messages_.emplace_back(std::move(message));
  }

  net::Awaitable<Result<std::string>> AskModel() {
    http::ClientCall call;
    http::ClientRequest request;
    request.target = "/v1/models";
    const net::TimePoint deadline = net::Clock::now() + std::chrono::seconds(5);
    CO_TRY(co_await call.Start(endpoint_, request, deadline));
    CO_TRY_ASSIGN(const std::string body, co_await call.ReadAll(kErrorBytesMax, deadline));
    CO_TRY_ASSIGN(const json::Value value, json::Parse(body));
    const json::Value* const id = value.is_object() ? FindModelId(value.as_object()) : nullptr;
    if (id == nullptr || !id->is_string()) {
      co_return Fail(ErrorCode::kCorrupt, "{} lists no model", endpoint_.ToString());
    }
    co_return std::string(id->as_string());
  }

  static const json::Value* FindModelId(const json::Object& list) {
    const json::Value* const data = json::Find(list, "data");
    if (data == nullptr || !data->is_array() || data->as_array().empty()) return nullptr;
    const json::Value& first = data->as_array().front();
    return first.is_object() ? json::Find(first.as_object(), "id") : nullptr;
  }

  net::Awaitable<Result<void>> Stream(std::string& answer) {
    json::Object body;
    body["model"] = model_;
    body["messages"] = messages_;
    body["stream"] = true;
    body["temperature"] = options_.temperature;
    if (options_.max_tokens > 0) body["max_tokens"] = options_.max_tokens;
    http::ClientRequest request;
    request.method = http::Method::kPost;
    request.target = "/v1/chat/completions";
    request.headers.push_back({"Content-Type", "application/json"});
    request.body = json::Write(std::move(body));
    http::ClientCall call;
    call_ = &call;
    const Result<void> read = co_await ReadAnswer(call, request, answer);
    call_ = nullptr;
    co_return read;
  }

  net::Awaitable<Result<void>> ReadAnswer(http::ClientCall& call,
                                          const http::ClientRequest& request, std::string& answer) {
    const net::TimePoint deadline = net::Clock::now() + kAnswerTimeMax;
    CO_TRY(co_await call.Start(endpoint_, request, deadline));
    if (call.head().status != 200) {
      CO_TRY_ASSIGN(const std::string body, co_await call.ReadAll(kErrorBytesMax, deadline));
      co_return TakeEvent(body, answer);
    }
    http::SseSplitter splitter;
    while (true) {
      CO_TRY_ASSIGN(const std::string part, co_await call.ReadPart(deadline));
      if (part.empty()) co_return Fail(ErrorCode::kUnavailable, "the answer broke off");
      CO_TRY(splitter.Push(part));
      for (std::string event = splitter.Take(); !event.empty(); event = splitter.Take()) {
        const std::string data = http::SseSplitter::Data(event);
        if (data == "[DONE]") co_return Result<void>{};
        if (!data.empty()) CO_TRY(TakeEvent(data, answer));
      }
    }
  }

  // Prints the text of one chunk; fails with the message of an error.
  static Result<void> TakeEvent(std::string_view data, std::string& answer) {
    TRY_ASSIGN(const json::Value value, json::Parse(data));
    boost::system::error_code ignored;
    if (const json::Value* const message = value.find_pointer("/error/message", ignored);
        message != nullptr && message->is_string()) {
      return Fail(ErrorCode::kUnavailable, "{}", std::string_view(message->as_string()));
    }
    if (const json::Value* const text = value.find_pointer("/choices/0/delta/content", ignored);
        text != nullptr && text->is_string()) {
      answer += text->as_string();
      std::fwrite(text->as_string().data(), 1, text->as_string().size(), stdout);
      std::fflush(stdout);
    }
    return {};
  }

  const net::Endpoint endpoint_;
  const TerminalChatOptions options_;
  json::Array messages_;
  std::string model_;
  std::optional<Error> error_;
  http::ClientCall* call_ = nullptr;  // The answer under way.
  bool is_cancelled_ = false;
};

// A line from the terminal; nullopt at the end of input or on Ctrl-C.
std::optional<std::string> ReadLine() {
  if (::isatty(STDIN_FILENO) != 0) fmt::print("\n> ");
  std::fflush(stdout);
  // Ctrl-C at the prompt ends the read, so that everything is put away on the way out.
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGINT, &action, nullptr);
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
  std::string line;
  const bool has_line = static_cast<bool>(std::getline(std::cin, line));
  pthread_sigmask(SIG_BLOCK, &interrupt, nullptr);
  if (!has_line) return std::nullopt;
  return line;
}

}  // namespace

Result<void> RunTerminalChat(const Config& config, const TerminalChatOptions& options) {
  Foreground foreground;
  std::optional<PrivateEngine> engine;
  net::Endpoint endpoint;
  if (options.url.empty()) {
    TRY_ASSIGN(engine, PrivateEngine::Start(config));
    endpoint = engine->endpoint();
  } else {
    TRY_ASSIGN(endpoint, ParseUrl(options.url));
  }
  Conversation conversation(endpoint, options);
  // A server of somebody else is there or it is not; one of our own takes time to load.
  int attempts_left = engine ? 1 << 30 : 1;
  const auto has_ended = [&] { return attempts_left-- <= 0 || (engine && engine->has_ended()); };
  foreground.Run([&] { return conversation.FindModel(has_ended); }, [&] { conversation.Cancel(); });
  if (conversation.model().empty()) {
    if (engine || !conversation.error()) {
      return Fail(ErrorCode::kUnavailable, "the model could not be started");
    }
    return Fail(*conversation.error());
  }
  fmt::print("{}: /reset begins anew, /quit leaves, Ctrl-C stops an answer.\n",
             conversation.model());
  while (std::optional<std::string> line = ReadLine()) {
    if (*line == "/quit") break;
    if (*line == "/reset") {
      conversation.Reset();
    } else if (!line->empty()) {
      foreground.Run([&] { return conversation.Ask(*line); }, [&] { conversation.Cancel(); });
    }
  }
  fmt::print("\n");
  return {};
}

}  // namespace holdfast::server
