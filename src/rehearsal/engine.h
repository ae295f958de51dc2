// ScriptedEngine: stands in for a model in a rehearsal. It speaks as any OpenAI-compatible engine,
// and its capacity is known exactly: `slots` answers are made at once, each at an equal, fixed part
// of `tokens_per_s`; whoever comes beyond that waits in line, and beyond `waiting_max` is refused
// with 503. An answer is as long as the prompt's last line says (rehearsal/prompts.h), else
// `answer_tokens`, and never over max_tokens. With `prompt_tokens_per_s` a prompt holds its slot
// for its length at that rate before the first token.
//
// Answers a second = tokens_per_s / tokens of an answer.
//
// Made and dropped on the owner's thread; serves on one I/O thread of its own.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "http/server.h"
#include "net/io_threads.h"

namespace holdfast::rehearsal {

struct EngineOptions {
  net::Endpoint listen = {};
  std::string model = "scripted";
  double tokens_per_s = 640;
  int slots = 16;
  int answer_tokens = 32;
  double prompt_tokens_per_s = 0;  // 0: prompts cost nothing.
  std::size_t waiting_max = 4'096;
  int core = -1;
};

class ScriptedEngine {
 public:
  // Errors as http::Server::Listen; kPermissionDenied: not on the loopback.
  [[nodiscard]] static Result<std::unique_ptr<ScriptedEngine>> Open(const EngineOptions& options);
  ~ScriptedEngine();
  ScriptedEngine(const ScriptedEngine&) = delete;
  ScriptedEngine& operator=(const ScriptedEngine&) = delete;

  net::Endpoint endpoint() const { return server_.endpoints().front(); }

 private:
  class Slots;
  explicit ScriptedEngine(const EngineOptions& options);
  net::Awaitable<void> Serve(http::Exchange& exchange);
  net::Awaitable<void> ServeChat(http::Exchange& exchange);

  const EngineOptions options_;
  net::IoThreads threads_{1};
  std::unique_ptr<Slots> slots_;
  http::Server server_;
};

}  // namespace holdfast::rehearsal
