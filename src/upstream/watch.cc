#include "upstream/watch.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/log.h"
#include "base/rate_window.h"
#include "json/json.h"
#include "net/event.h"
#include "upstream/delta.h"
#include "upstream/prometheus.h"

namespace holdfast::upstream {
namespace {

constexpr std::size_t kAnswerBytesMax = 4 << 20;
constexpr std::chrono::milliseconds kNoMetricsEvery{60'000};

struct Asked {
  int status = 0;
  std::string body;
  bool has_load = false;  // Its head says how busy the engine is.
};

// One GET, over an idle connection where there is one.
net::Awaitable<Result<Asked>> Ask(RemoteEngine& engine, std::string_view path,
                                  const PoolLimits& limits) {
  const http::ClientRequest request = engine.Request(http::Method::kGet, path);
  const net::TimePoint deadline = net::Clock::now() + limits.health_time_max;
  auto call = std::make_unique<http::ClientCall>();
  const net::Executor executor = co_await net::CurrentExecutor();
  std::unique_ptr<net::Stream> idle = engine.idle().Take(executor);
  bool is_started = false;
  if (idle != nullptr) {
    const Result<void> started = co_await call->StartOn(std::move(idle), request, deadline);
    const bool was_dead = !started && started.error().code == ErrorCode::kUnavailable;
    if (!started && !was_dead) co_return Fail(started.error());
    is_started = started.has_value();
  }
  if (!is_started) {
    const net::DialOptions options{.deadline = deadline, .tls = engine.tls()};
    CO_TRY_ASSIGN(std::unique_ptr<net::Stream> stream,
                  co_await net::Dial(engine.address().endpoint, options));
    call = std::make_unique<http::ClientCall>();
    CO_TRY(co_await call->StartOn(std::move(stream), request, deadline));
  }
  Asked asked;
  asked.status = call->head().status;
  CO_TRY_ASSIGN(asked.body, co_await call->ReadAll(kAnswerBytesMax, deadline));
  asked.has_load = engine.LearnFrom(call->head());
  if (std::unique_ptr<net::Stream> stream = call->TakeStream(); stream != nullptr) {
    engine.idle().Give(std::move(stream));
  }
  co_return std::move(asked);
}

std::optional<double> NumberOf(const json::Object& object, std::string_view key) {
  const json::Value* const value = json::Find(object, key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double number = value->is_double()  ? value->get_double()
                        : value->is_int64() ? static_cast<double>(value->get_int64())
                                            : static_cast<double>(value->get_uint64());
  if (!(number >= 0 && number < 1e9)) return std::nullopt;
  return number;
}

struct Health {
  EngineState state = EngineState::kDown;
  std::string_view why = {};
  bool is_time_out = false;
  bool is_ours = false;
  bool is_unknown = false;  // It could not be asked, for reasons of our own.
};

// Of a body that one of our engines sends; of others it has none of these fields.
void LearnFromHealth(RemoteEngine& engine, std::string_view body, Health& health) {
  const Result<json::Value> value = json::Parse(body);
  if (!value || !value->is_object()) return;
  const json::Object& object = value->as_object();
  const json::Value* const status = json::Find(object, "status");
  if (status != nullptr && status->is_string() && status->as_string() == "draining") {
    health = {.state = EngineState::kDraining, .why = "draining", .is_ours = health.is_ours};
  }
  if (!health.is_ours) return;
  engine.Learn({.sequences_max = NumberOf(object, "sequences_max"),
                .tokens_per_s = NumberOf(object, "tokens_per_s")});
}

// What an answer to a health check says that is not 200.
Health ReadUnhealthy(const Asked& asked) {
  if (asked.status == 401 || asked.status == 403) return {.why = "key_refused"};
  if (asked.status != 503) return {.why = "unhealthy"};
  const std::optional<EngineError> error = ReadError(asked.body);
  const bool is_draining = error && (error->reason == "draining" || error->code == "draining");
  if (is_draining) return {.state = EngineState::kDraining, .why = "draining"};
  return {.why = "loading"};
}

Health ReadNoAnswer(const Error& error) {
  switch (error.code) {
    case ErrorCode::kDeadlineExceeded:
      return {.why = "silent", .is_time_out = true};
    case ErrorCode::kResourceExhausted:
      return {.is_unknown = true};
    case ErrorCode::kPermissionDenied:
      return {.why = "not_trusted"};
    case ErrorCode::kNotFound:
      return {.why = "no_such_host"};
    case ErrorCode::kCorrupt:
      return {.why = "not_http"};
    default:
      return {.why = "unreachable"};
  }
}

class Watcher {
 public:
  Watcher(RemoteEngine& engine, const PoolLimits& limits) : engine_(engine), limits_(limits) {}

  net::Awaitable<Health> Look() {
    Health health = co_await AskHealth();
    const net::TimePoint now = net::Clock::now();
    if (health.state != EngineState::kUp) {
      models_due_ = {};  // It may come back with others.
      engine_.SetRunningUsage(RunningUsage::kNone);
    } else if (now >= models_due_) {
      health = co_await AskModels(health);
    }
    if (health.state == EngineState::kUp && health.is_ours) {
      engine_.SetRunningUsage(RunningUsage::kOfAnswer);
    } else if (health.state == EngineState::kUp) {
      co_await LearnRate(now);
    }
    co_return health;
  }

  // Until the next look.
  std::chrono::milliseconds pause(bool is_up) const {
    return is_up && !has_health_page_ ? limits_.models_every : limits_.health_every;
  }

 private:
  net::Awaitable<Health> AskHealth() {
    Result<Asked> asked = co_await Ask(engine_, "/health", limits_);
    const bool has_health =
        !asked || (asked->status != 404 && asked->status != 405 && asked->status != 501);
    if (!has_health) asked = co_await Ask(engine_, "/v1/models", limits_);
    has_health_page_ = has_health;
    if (!asked) co_return ReadNoAnswer(asked.error());
    if (asked->status != 200) co_return ReadUnhealthy(*asked);
    Health health{.state = EngineState::kUp, .is_ours = asked->has_load};
    if (has_health) {
      LearnFromHealth(engine_, asked->body, health);
    } else if (Result<std::vector<ModelInfo>> models = ReadModels(asked->body); models) {
      TakeModels(std::move(*models));
    }
    co_return health;
  }

  // An engine that does not say what it serves takes no calls, unless its operator has said it.
  net::Awaitable<Health> AskModels(Health health) {
    const Result<Asked> asked = co_await Ask(engine_, "/v1/models", limits_);
    if (!asked && ReadNoAnswer(asked.error()).is_time_out) co_return ReadNoAnswer(asked.error());
    Result<std::vector<ModelInfo>> models =
        asked && asked->status == 200 ? ReadModels(asked->body)
                                      : Fail(ErrorCode::kUnavailable, "no list of models");
    if (models) {
      TakeModels(std::move(*models));
    } else if (!engine_.board().knows_models) {
      health.state = EngineState::kDown;
      health.why = "no_models";
    }
    co_return health;
  }

  void TakeModels(std::vector<ModelInfo> models) {
    engine_.SetModels(std::move(models));
    models_due_ = net::Clock::now() + limits_.models_every;
  }

  net::Awaitable<void> LearnRate(net::TimePoint now) {
    const std::uint64_t tokens = engine_.tokens();
    relayed_.Add(now, static_cast<std::int64_t>(tokens - tokens_then_));
    tokens_then_ = tokens;
    if (now >= metrics_due_) co_await AskMetrics(now);
    if (!has_metrics_rate_) engine_.Learn({.tokens_per_s = relayed_.PerSecond(now)});
  }

  net::Awaitable<void> AskMetrics(net::TimePoint now) {
    const Result<Asked> asked = co_await Ask(engine_, "/metrics", limits_);
    metrics_due_ = now + limits_.metrics_every;
    if (asked && asked->status != 200) metrics_due_ = now + kNoMetricsEvery;
    has_metrics_rate_ = false;
    if (!asked || asked->status != 200) co_return;
    const Result<EngineMetrics> metrics = ReadEngineMetrics(asked->body);
    if (!metrics) co_return;
    engine_.SetRunningUsage(metrics->is_of_vllm_or_sglang ? RunningUsage::kOfChoice
                                                          : RunningUsage::kNone);
    LoadNews news{.running = metrics->running,
                  .waiting = metrics->waiting,
                  .sequences_max = metrics->sequences_max,
                  .tokens_per_s = metrics->tokens_per_s};
    if (metrics->cache_use) news.free_cache_share = 1 - *metrics->cache_use;
    if (metrics->tokens_total) {
      // A counter that fell is one of an engine that has begun anew.
      const double then = counter_then_.value_or(*metrics->tokens_total);
      const double grown = std::clamp(*metrics->tokens_total - then, 0.0, 1e9);
      made_.Add(now, static_cast<std::int64_t>(grown));
      counter_then_ = metrics->tokens_total;
      news.tokens_per_s = made_.PerSecond(now);
    }
    has_metrics_rate_ = news.tokens_per_s.has_value();
    engine_.Learn(news);
  }

  RemoteEngine& engine_;
  const PoolLimits& limits_;
  net::TimePoint models_due_{};
  net::TimePoint metrics_due_{};
  RateWindow relayed_;
  RateWindow made_;
  std::uint64_t tokens_then_ = 0;
  std::optional<double> counter_then_;
  bool has_metrics_rate_ = false;
  bool has_health_page_ = true;
};

void Tell(const RemoteEngine& engine, const Health& health,
          const std::function<void(bool is_up)>& changed) {
  const bool is_up = health.state == EngineState::kUp;
  if (is_up) {
    log::info("engine {}: up", engine.spec().name);
  } else {
    log::warn("engine {}: takes no calls ({})", engine.spec().name, health.why);
  }
  if (changed) changed(is_up);
}

}  // namespace

net::Awaitable<void> WatchEngine(RemoteEngine& engine, const PoolLimits& limits,
                                 std::function<void(bool is_up)> changed) {
  net::Event never(co_await net::CurrentExecutor());
  Watcher watcher(engine, limits);
  int time_outs = 0;
  while (true) {
    const Health health = co_await watcher.Look();
    time_outs = health.is_time_out ? time_outs + 1 : 0;
    const bool is_passing =
        health.is_unknown || (health.is_time_out && time_outs < limits.health_failures_max &&
                              engine.board().state == EngineState::kUp);
    if (!is_passing) {
      if (engine.SetState(health.state, health.why, net::Clock::now())) {
        Tell(engine, health, changed);
      }
      if (health.state == EngineState::kDown) engine.Lose();
    }
    // One that may be lost is asked again at once.
    if (is_passing && health.is_time_out) continue;
    co_await never.Wait(net::Clock::now() + watcher.pause(health.state == EngineState::kUp));
  }
}

Result<std::vector<ModelInfo>> ReadModels(std::string_view body) {
  TRY_ASSIGN(const json::Value value, json::Parse(body));
  if (!value.is_object()) return Fail(ErrorCode::kInvalidArgument, "a list of models is no object");
  TRY_ASSIGN(const json::Array* const data,
             json::RequireArray(value.as_object(), "data", kModelsMax));
  std::vector<ModelInfo> models;
  for (const json::Value& one : *data) {
    if (!one.is_object()) return Fail(ErrorCode::kInvalidArgument, "a model is no object");
    const json::Object& object = one.as_object();
    ModelInfo model;
    TRY_ASSIGN(model.id, json::RequireString(object, "id"));
    const json::Value* const owner = json::Find(object, "owned_by");
    if (owner != nullptr && owner->is_string()) model.owned_by = owner->as_string();
    const json::Value* const created = json::Find(object, "created");
    if (created != nullptr && created->is_int64()) model.created_s = created->as_int64();
    const json::Value* const context = json::Find(object, "max_model_len");
    if (context != nullptr && context->is_int64()) model.context_max = context->as_int64();
    models.push_back(std::move(model));
  }
  return models;
}

}  // namespace holdfast::upstream
