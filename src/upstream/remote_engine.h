// RemoteEngine: what the pool knows of one engine: how to reach it, what it serves, how busy it is,
// whether calls may go there; and its idle connections. Owned by the pool. Thread-safe: short
// leaf locks.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/client.h"
#include "metrics/registry.h"
#include "net/tls_client.h"
#include "upstream/breaker.h"
#include "upstream/choice.h"
#include "upstream/engine_spec.h"
#include "upstream/failure.h"
#include "upstream/idle_connections.h"
#include "upstream/pool_types.h"

namespace holdfast::upstream {

// As the engine says, or its metrics; what is not known stays as it was.
struct LoadNews {
  std::optional<double> running = {};
  std::optional<double> waiting = {};
  std::optional<double> free_cache_share = {};
  std::optional<double> sequences_max = {};
  std::optional<double> tokens_per_s = {};
};

// Whether an engine takes "continuous_usage_stats" in a stream's options, and what the usage that
// comes with each event is of. One that is not known to take it is never asked: some answer 400.
enum class RunningUsage : std::uint8_t {
  kNone,
  kOfChoice,  // vLLM, SGLang: of the event's choice alone.
  kOfAnswer,  // Ours: of all choices.
};

// A call that waits for the first of its answer: told on its own thread when the engine is lost.
struct LossListener {
  net::Executor executor;
  std::function<void()> lost;  // Empty: no longer wants to know. Of the executor's thread.
};

class RemoteEngine {
 public:
  struct Board {
    EngineState state = EngineState::kUnknown;
    std::string why;
    std::vector<ModelInfo> models;
    bool knows_models = false;
    double running = 0;
    double waiting = 0;
    double free_cache_share = 1;
    double sequences_max = 0;
    double tokens_per_s = 0;
    std::uint32_t in_flight_then = 0;  // When running and waiting were learned.
    bool knows_load = false;
  };

  // Errors: as Pool::Make.
  [[nodiscard]] static Result<std::unique_ptr<RemoteEngine>> Make(EngineSpec spec,
                                                                  const PoolLimits& limits,
                                                                  metrics::Registry& registry);

  const EngineSpec& spec() const { return spec_; }
  const EngineAddress& address() const { return address_; }
  const net::TlsClient* tls() const { return tls_.get(); }
  IdleConnections& idle() { return idle_; }
  // A request to `path` with its host and key.
  http::ClientRequest Request(http::Method method, std::string_view path) const;

  // A call may go: up, serves the model (empty: any), and the breaker agrees.
  bool MayTake(std::string_view model, net::TimePoint now) const;
  // Whether it serves the model when it is up; nullopt: that is not known yet.
  std::optional<bool> Serves(std::string_view model) const;
  double load() const;  // Running and waiting, with the calls under way since that was learned.
  std::uint64_t name_hash() const { return name_hash_; }

  // A call goes to it; ends with End.
  void BeginCall();
  void AnswerBegan();
  // nullopt: complete. kStopped: called off, which says nothing about the engine.
  void EndCall(std::optional<FailureKind> failure, net::TimePoint now);
  void AddTokens(std::uint64_t count) { tokens_.fetch_add(count, std::memory_order_relaxed); }
  std::uint64_t tokens() const { return tokens_.load(std::memory_order_relaxed); }

  void SetRunningUsage(RunningUsage kind) { running_usage_ = kind; }
  // Whether the events of this call can tell what it has used so far.
  bool CanTellUsageOf(const Call& call) const {
    const RunningUsage kind = running_usage_;
    return call.wants_stream && (kind == RunningUsage::kOfAnswer ||
                                 (kind == RunningUsage::kOfChoice && call.choices == 1));
  }

  void Learn(const LoadNews& news);
  // From the head of one of our engines; false: it says nothing.
  bool LearnFrom(const http::ResponseHead& head);
  void SetModels(std::vector<ModelInfo> models);
  // Whether the engine came up or went.
  bool SetState(EngineState state, std::string_view why, net::TimePoint now);
  void CountRetry() { retries_.Add(); }

  void TellLoss(const std::shared_ptr<LossListener>& listener);
  // Calls every listener, each on its thread, once.
  void Lose();

  Board board() const;
  EngineStatus Status(net::TimePoint now) const;

 private:
  RemoteEngine(EngineSpec spec, EngineAddress address, std::unique_ptr<const net::TlsClient> tls,
               const PoolLimits& limits, metrics::Registry& registry);
  bool ServesLocked(std::string_view model) const;

  const EngineSpec spec_;
  const EngineAddress address_;
  const std::unique_ptr<const net::TlsClient> tls_;
  const std::uint64_t name_hash_;
  IdleConnections idle_;
  std::atomic<std::uint32_t> in_flight_{0};
  std::atomic<std::uint64_t> tokens_{0};  // Relayed.
  std::atomic<RunningUsage> running_usage_{RunningUsage::kNone};

  mutable std::mutex mutex_;
  Board board_;
  Breaker breaker_;
  std::uint64_t answers_ = 0;
  std::uint64_t failures_ = 0;
  std::string_view last_error_;
  std::vector<std::weak_ptr<LossListener>> loss_listeners_;  // At most one a call under way.

  metrics::Registry& registry_;
  metrics::Gauge up_gauge_;
  metrics::Gauge running_gauge_;
  metrics::Gauge waiting_gauge_;
  metrics::Counter retries_;
};

// The engines of a pool and the choice between them.
struct EngineSet {
  PoolLimits limits;
  std::vector<std::unique_ptr<RemoteEngine>> engines;
  std::atomic<std::uint64_t> turn{0};

  // One that may take the call now and is not in `tried`; nullopt: none.
  std::optional<std::size_t> Choose(const Call& call, const std::vector<std::size_t>& tried,
                                    net::TimePoint now);
  bool HasOther(const Call& call, const std::vector<std::size_t>& tried, net::TimePoint now) const;
};

}  // namespace holdfast::upstream
