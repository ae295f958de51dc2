// Generation: the answers to one request, from submission to the last piece of text. Owns the
// token streams of its choices; dropping it cancels them, so a handler that returns early frees
// the engine. Single-threaded: belongs to the request's coroutine.
//
// Tokens become text here: detokenized, cut at stop strings, and handed on only when no stop string
// can begin in them any more.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/api_error.h"
#include "api/engine/engine_service.h"
#include "api/engine/generation_settings.h"
#include "http/exchange.h"
#include "net/event.h"

namespace holdfast::api {

struct GenerationPlan {
  // Every prompt gets settings.n answers; choice = prompt index * n + answer index.
  std::vector<std::vector<engine::TokenId>> prompts;
  std::vector<engine::TokenId> stop_ids;
  std::string caller;  // See engine::Request.
  // Bytes of a whole answer beside what the engine makes: prompts that are echoed, in JSON.
  std::size_t echo_bytes = 0;
};

enum class Finish : std::uint8_t { kStop, kLength };
std::string_view FinishName(Finish finish);

struct ShownToken {
  engine::TokenEvent event;
  // Characters of the answer before the one that the token begins or goes on with.
  std::size_t text_offset = 0;
};

struct Piece {
  std::size_t choice = 0;
  std::string text;
  std::vector<ShownToken> tokens;  // Those of `text`, if logprobs are wanted.
  std::optional<Finish> finish;    // With the choice's last piece.
  engine::Usage usage;             // Of all choices, up to and with this piece.
};

class Generation {
 public:
  // Checks the prompts against the context and a whole answer against kAnswerBytesMax, and submits
  // all choices, or none. After success the request has its place in the engine's queue, so 200 may
  // be answered.
  static ApiResult<std::unique_ptr<Generation>> Start(const EngineService& service,
                                                      const GenerationSettings& settings,
                                                      const GenerationPlan& plan,
                                                      http::Exchange& exchange);
  ~Generation();
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  // What has come since the last call, at least one piece; nothing when `deadline` passed. Fails
  // when the engine ended a choice without finishing it, or the peer has gone.
  net::Awaitable<ApiResult<std::vector<Piece>>> Next(net::TimePoint deadline);
  bool is_finished() const { return open_count_ == 0; }
  // Of all choices together; a prompt counts once.
  engine::Usage usage() const;
  std::size_t choice_count() const { return choices_.size(); }

 private:
  struct Choice;
  Generation(const EngineService& service, http::Exchange& exchange);
  ApiResult<void> Submit(const GenerationSettings& settings, const GenerationPlan& plan);
  void Open(std::unique_ptr<engine::TokenStream> stream, std::int64_t prompt_tokens,
            const std::vector<std::string>& stops);
  ApiResult<std::optional<Piece>> Advance(Choice& choice);
  ApiResult<Finish> FinishOf(engine::FinishReason reason) const;

  const EngineService& service_;
  http::Exchange& exchange_;
  std::shared_ptr<net::Event> event_;
  net::StopSource::Listener stopped_;
  std::vector<std::unique_ptr<Choice>> choices_;
  std::size_t open_count_ = 0;
  std::size_t answers_per_prompt_ = 1;
  std::size_t piece_tokens_max_ = 1;  // So that an event stays within kEventBytesMax.
  bool wants_logprobs_ = false;
};

}  // namespace holdfast::api
