// PumpAnswer: the loop that chat and text completions share: pieces of a Generation to events of a
// stream, or to one whole answer. What a piece looks like as JSON is the format's business.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/engine/generation.h"
#include "api/engine/wire.h"
#include "api/reply.h"

namespace holdfast::api {

// One wire format. Lives in the handler's frame.
class AnswerFormat {
 public:
  virtual ~AnswerFormat() = default;
  // Events before the first token.
  virtual std::vector<json::Object> Opening(std::size_t choice_count) = 0;
  virtual std::vector<json::Object> Chunks(const Piece& piece) = 0;
  // The event with the usage.
  virtual json::Object UsageChunk(const engine::Usage& usage) = 0;
  // For a whole answer: each piece as it comes, so that the work is spread over the answer's time,
  // then the body. With the last piece of each choice its finish is known.
  virtual void Add(Piece piece) = 0;
  virtual std::string Whole(const engine::Usage& usage) = 0;
};

struct PumpOptions {
  bool is_stream = false;
  bool includes_usage = false;
  bool has_running_usage = false;
};

// Answers to the end, or to what it fails with. When the peer leaves, the generation is cancelled.
net::Awaitable<ApiResult<void>> PumpAnswer(const EngineService& service, Reply& reply,
                                           Generation& generation, AnswerFormat& format,
                                           const PumpOptions& options);

}  // namespace holdfast::api
