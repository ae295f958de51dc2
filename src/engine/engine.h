// Engine: token ids in, token ids out. Continuous batching over one model on one engine thread,
// which waits on no I/O; callers submit from any thread and read their TokenStream. Thread-safe.
//
// Limits: `queue_max` waiting sequences (then kResourceExhausted), `running_max` in a batch,
// `step_tokens_max` tokens a step (longer prompts are prefilled in chunks), and the cache's blocks:
// when they run out the youngest running sequence is preempted and later recomputed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "metrics/registry.h"
#include "model/model.h"

namespace holdfast::engine {

using TokenId = std::int32_t;

struct SamplingParams {
  float temperature = 1.0f;  // 0: the most likely token.
  float top_p = 1.0f;
  std::int32_t top_k = 0;  // 0: all.
  float min_p = 0.0f;
  float repetition_penalty = 1.0f;
  float presence_penalty = 0.0f;
  float frequency_penalty = 0.0f;
  std::optional<std::uint64_t> seed = {};  // None: drawn for the request.
  std::vector<std::pair<TokenId, float>> logit_bias = {};
  std::int32_t top_logprobs = -1;  // -1: no logprobs; n: the chosen token's and the n best.
};

struct Request {
  std::vector<TokenId> prompt = {};
  std::int64_t max_tokens = 256;
  SamplingParams sampling = {};
  // Each ends the answer with kStop. The stop token is counted in completion_tokens but not
  // delivered.
  std::vector<TokenId> stop_ids = {};
  // Cached prefixes are shared only between requests of one caller; empty: shared with nobody.
  std::string caller = {};
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
};

enum class FinishReason : std::uint8_t {
  kStop,
  kLength,
  kCancelled,
  kDeadline,
  kSlowReader,
  kError
};
// Stable lower-case name, for logs and metrics: "slow_reader".
std::string_view FinishReasonName(FinishReason reason);

struct TokenEvent {
  TokenId id = 0;
  float logprob = 0;
  std::vector<std::pair<TokenId, float>> top_logprobs = {};
};

struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;  // Of the prompt, found in the prefix cache.
  std::int64_t completion_tokens = 0;
};

// The reading end of one request. Bounded: when the reader is `capacity` tokens behind, the
// sequence ends with kSlowReader. Dropping it cancels; its blocks are free within one step.
class TokenStream {
 public:
  virtual ~TokenStream() = default;
  struct Batch {
    std::vector<TokenEvent> tokens;
    std::optional<FinishReason> finish;  // Set once, with or after the last token.
    Usage usage;                         // Final when finish is set.
  };
  // Takes what is there, without waiting; empty if nothing is.
  virtual Batch Take() = 0;
  // `notify` is called at once, by this thread, if something is waiting, and then by the engine
  // thread each time something arrives in an empty stream. It must be quick and must not call back
  // into the stream. When this call (or the destructor) returns, the notify before it is silent.
  virtual void SetNotify(std::move_only_function<void()> notify) = 0;
  virtual void Cancel() = 0;
};

struct EngineOptions {
  std::int64_t queue_max = 256;
  std::int64_t running_max = 64;
  std::int64_t step_tokens_max = 512;  // >= running_max, so that nobody waits for others' tokens.
  std::int64_t cache_bytes = 1LL << 30;
  std::int64_t block_tokens = 32;
  std::int64_t stream_capacity = 1024;
  std::int64_t context_max = 0;  // 0: the model's max_position_embeddings.
  // While somebody waits for a next token, prompts get only so much of a step that it lasts about
  // this long. 0: prompts get all of step_tokens_max.
  std::chrono::milliseconds step_target{200};
  // Answers do not depend on what else runs (model/model.h); with this, neither on how prompts were
  // cut into steps, on preemption, nor on what the prefix cache had.
  bool deterministic = false;
};

struct Load {
  std::int64_t running = 0;
  std::int64_t waiting = 0;
  std::int64_t sequences_max = 0;  // EngineOptions::running_max.
  std::int64_t blocks_free = 0;
  std::int64_t blocks_total = 0;
  double tokens_per_second = 0;  // Output, over the last seconds.
  bool is_draining = false;      // New requests are refused.
};

class Engine {
 public:
  // The model and the registry (none: no metrics) must outlive the engine. Starts the engine
  // thread. Errors: kInvalidArgument (an option outside its range, cache_bytes under one block).
  [[nodiscard]] static Result<std::unique_ptr<Engine>> Start(model::Model& model,
                                                             const EngineOptions& options,
                                                             metrics::Registry* registry = nullptr);
  // Stops. Streams may outlive the engine.
  virtual ~Engine() = default;

  // All of the requests or none, in their order; each is one of the waiting that queue_max bounds,
  // so more than queue_max are never taken.
  // Errors: kResourceExhausted (queue full), kTooLarge (prompt + max_tokens over the context or
  // the cache), kInvalidArgument (no request, empty prompt, id or parameter out of range),
  // kUnavailable (draining).
  [[nodiscard]] virtual Result<std::vector<std::unique_ptr<TokenStream>>> SubmitAll(
      std::vector<Request> requests) = 0;
  // One request.
  [[nodiscard]] Result<std::unique_ptr<TokenStream>> Submit(Request request);
  virtual Load load() const = 0;
  // Prompt and max_tokens of one request together: the context or, if less, what the cache holds.
  virtual std::int64_t context_max() const = 0;
  // Refuses new requests; returns when the running ones ended or `limit` passed.
  virtual void Drain(std::chrono::milliseconds limit) = 0;
  // Refuses new requests, ends what is left with kCancelled and returns when the engine thread has
  // ended: no stream notifies any more. The owner's; once is enough.
  virtual void Stop() = 0;
};

}  // namespace holdfast::engine
