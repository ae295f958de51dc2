#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "engine/engine_loop.h"
#include "engine/random.h"

namespace holdfast::engine {
namespace {

constexpr std::int64_t kStopIdsMax = 1024;

Result<void> CheckOption(const char* name, std::int64_t value, std::int64_t min, std::int64_t max) {
  if (value >= min && value <= max) return {};
  return Fail(ErrorCode::kInvalidArgument, "engine option {} is {}, must be in [{}, {}]", name,
              value, min, max);
}

Result<void> CheckOptions(const EngineOptions& options) {
  TRY(CheckOption("queue_max", options.queue_max, 1, 1 << 20));
  TRY(CheckOption("running_max", options.running_max, 1, 1 << 16));
  TRY(CheckOption("step_tokens_max", options.step_tokens_max, options.running_max, 1 << 20));
  TRY(CheckOption("block_tokens", options.block_tokens, 1, 1 << 12));
  TRY(CheckOption("stream_capacity", options.stream_capacity, 1, 1 << 24));
  TRY(CheckOption("step_target", options.step_target.count(), 0, 1 << 20));
  TRY(CheckOption("context_max", options.context_max, 0, std::int64_t{1} << 40));
  return {};
}

TimePoint Now() { return std::chrono::steady_clock::now(); }

// The engine thread and the door to it. One lock guards what crosses: the inbox and the
// flags. But for its load, the loop belongs to the engine thread alone.
class ThreadedEngine final : public Engine {
 public:
  ThreadedEngine(model::Model& model, const EngineOptions& options, std::int64_t block_count,
                 std::int64_t context_max, metrics::Registry* registry, std::uint64_t entropy)
      : options_(options),
        context_max_(context_max),
        cache_tokens_(block_count * options.block_tokens),
        vocab_size_(model.config().vocab_size),
        entropy_(entropy),
        metrics_(registry),
        loop_(model, options, block_count, /*hash_seed=*/RandomBits(entropy, 0), metrics_, Now) {
    thread_ = std::thread([this] { Run(); });
  }

  ~ThreadedEngine() override { ThreadedEngine::Stop(); }

  Result<std::vector<std::unique_ptr<TokenStream>>> SubmitAll(
      std::vector<Request> requests) override;
  Load load() const override;
  std::int64_t context_max() const override { return std::min(context_max_, cache_tokens_ + 1); }
  void Drain(std::chrono::milliseconds limit) override;
  void Stop() override;

 private:
  Result<void> CheckRequest(const Request& request) const;
  std::unique_ptr<Sequence> MakeSequence(Request request, std::shared_ptr<TokenChannel> channel);
  Result<void> EnterQueue(std::vector<std::unique_ptr<Sequence>> sequences);
  void Run();
  bool WaitForWork();

  const EngineOptions options_;
  const std::int64_t context_max_;
  const std::int64_t cache_tokens_;
  const std::int64_t vocab_size_;
  const std::uint64_t entropy_;
  EngineMetrics metrics_;
  EngineLoop loop_;
  std::atomic<std::uint64_t> request_count_{0};

  mutable std::mutex mutex_;
  std::condition_variable work_arrived_;
  std::condition_variable became_idle_;
  std::vector<std::unique_ptr<Sequence>> inbox_;
  bool is_idle_ = true;
  bool is_draining_ = false;
  bool is_stopping_ = false;

  std::thread thread_;
};

Result<void> ThreadedEngine::CheckRequest(const Request& request) const {
  const auto prompt_count = static_cast<std::int64_t>(request.prompt.size());
  if (prompt_count == 0) return Fail(ErrorCode::kInvalidArgument, "the prompt is empty");
  if (request.max_tokens < 1) {
    return Fail(ErrorCode::kInvalidArgument, "max_tokens is {}, must be at least 1",
                request.max_tokens);
  }
  if (prompt_count > context_max_ || request.max_tokens > context_max_ - prompt_count) {
    return Fail(ErrorCode::kTooLarge,
                "prompt of {} tokens and max_tokens {} are over the context of {} tokens",
                prompt_count, request.max_tokens, context_max_);
  }
  if (prompt_count + request.max_tokens - 1 > cache_tokens_) {
    return Fail(ErrorCode::kTooLarge,
                "prompt of {} tokens and max_tokens {} are over the cache of {} tokens",
                prompt_count, request.max_tokens, cache_tokens_);
  }
  if (static_cast<std::int64_t>(request.stop_ids.size()) > kStopIdsMax) {
    return Fail(ErrorCode::kInvalidArgument, "{} stop ids, at most {} are taken",
                request.stop_ids.size(), kStopIdsMax);
  }
  for (const TokenId token : request.prompt) {
    if (token < 0 || token >= vocab_size_) {
      return Fail(ErrorCode::kInvalidArgument, "prompt has token {}, the vocabulary {} tokens",
                  token, vocab_size_);
    }
  }
  return CheckSamplingParams(request.sampling, vocab_size_);
}

Result<std::vector<std::unique_ptr<TokenStream>>> ThreadedEngine::SubmitAll(
    std::vector<Request> requests) {
  if (requests.empty()) return Fail(ErrorCode::kInvalidArgument, "there is no request");
  for (const Request& request : requests) TRY(CheckRequest(request));
  // Made before the lock is taken: a long prompt takes a while to copy.
  std::vector<std::unique_ptr<Sequence>> sequences;
  std::vector<std::unique_ptr<TokenStream>> streams;
  for (Request& request : requests) {
    auto channel = std::make_shared<TokenChannel>(options_.stream_capacity);
    sequences.push_back(MakeSequence(std::move(request), channel));
    streams.push_back(MakeTokenStream(std::move(channel)));
  }
  TRY(EnterQueue(std::move(sequences)));
  work_arrived_.notify_one();
  return streams;
}

std::unique_ptr<Sequence> ThreadedEngine::MakeSequence(Request request,
                                                       std::shared_ptr<TokenChannel> channel) {
  const std::uint64_t seed = request.sampling.seed.value_or(
      RandomBits(entropy_, 1 + request_count_.fetch_add(1, std::memory_order_relaxed)));
  return std::make_unique<Sequence>(std::move(request), seed, std::move(channel), Now());
}

Result<void> ThreadedEngine::EnterQueue(std::vector<std::unique_ptr<Sequence>> sequences) {
  const std::lock_guard lock(mutex_);
  if (is_draining_) return Fail(ErrorCode::kUnavailable, "the engine is draining");
  const std::int64_t waiting = loop_.load().waiting + static_cast<std::int64_t>(inbox_.size());
  if (waiting + static_cast<std::int64_t>(sequences.size()) > options_.queue_max) {
    metrics_.queue_full.Add();
    return Fail(ErrorCode::kResourceExhausted, "{} requests wait already, {} came, queue_max is {}",
                waiting, sequences.size(), options_.queue_max);
  }
  for (std::unique_ptr<Sequence>& sequence : sequences) inbox_.push_back(std::move(sequence));
  is_idle_ = false;
  return {};
}

Load ThreadedEngine::load() const {
  const std::lock_guard lock(mutex_);
  Load load = loop_.load();
  load.waiting += static_cast<std::int64_t>(inbox_.size());
  load.sequences_max = options_.running_max;
  load.is_draining = is_draining_;
  return load;
}

void ThreadedEngine::Drain(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  is_draining_ = true;
  became_idle_.wait_for(lock, limit, [this] { return is_idle_; });
}

void ThreadedEngine::Stop() {
  {
    const std::lock_guard lock(mutex_);
    is_draining_ = true;
    is_stopping_ = true;
  }
  work_arrived_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ThreadedEngine::Run() {
  while (WaitForWork()) {
    loop_.Step();
  }
  loop_.EndAll(FinishReason::kCancelled);
}

// Takes the inbox into the loop; sleeps while there is nothing to do. False: time to stop.
bool ThreadedEngine::WaitForWork() {
  std::unique_lock lock(mutex_);
  if (inbox_.empty() && loop_.is_idle() && !is_idle_) {
    is_idle_ = true;
    became_idle_.notify_all();
  }
  work_arrived_.wait(lock, [this] { return is_stopping_ || !inbox_.empty() || !loop_.is_idle(); });
  for (std::unique_ptr<Sequence>& sequence : inbox_) loop_.Enqueue(std::move(sequence));
  inbox_.clear();
  return !is_stopping_;
}

}  // namespace

std::string_view FinishReasonName(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
    case FinishReason::kDeadline:
      return "deadline";
    case FinishReason::kSlowReader:
      return "slow_reader";
    case FinishReason::kError:
      return "error";
  }
  CHECK_MSG(false, "finish reason {}", static_cast<int>(reason));
}

Result<std::unique_ptr<TokenStream>> Engine::Submit(Request request) {
  std::vector<Request> requests;
  requests.push_back(std::move(request));
  TRY_ASSIGN(std::vector<std::unique_ptr<TokenStream>> streams, SubmitAll(std::move(requests)));
  return std::move(streams.front());
}

Result<std::unique_ptr<Engine>> Engine::Start(model::Model& model, const EngineOptions& options,
                                              metrics::Registry* registry) {
  TRY(CheckOptions(options));
  const std::int64_t block_bytes =
      model::LatentCache::BlockBytes(model.config(), options.block_tokens);
  const std::int64_t block_count = options.cache_bytes / block_bytes;
  if (block_count < 1 || block_count > std::numeric_limits<model::BlockId>::max() - 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "engine option cache_bytes {} holds {} blocks of {} bytes, must hold 1 to {}",
                options.cache_bytes, block_count, block_bytes,
                std::numeric_limits<model::BlockId>::max() - 1);
  }
  const std::int64_t model_context = model.config().max_position_embeddings;
  const std::int64_t context_max =
      options.context_max == 0 ? model_context : std::min(options.context_max, model_context);
  std::random_device device;
  const std::uint64_t entropy = static_cast<std::uint64_t>(device()) << 32 | device();
  return std::make_unique<ThreadedEngine>(model, options, block_count, context_max, registry,
                                          entropy);
}

}  // namespace holdfast::engine
