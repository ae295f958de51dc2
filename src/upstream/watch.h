// WatchEngine: asks one engine for its health, its models and its load, for ever, on the calling
// coroutine's I/O thread.
//
//   GET /health      every `health_every`. 200: up. 503: draining or loading. Of our engines it
//                    also has the load. 404: the list of models answers for it, less often, since
//                    such an engine may be somebody's service.
//   GET /v1/models   every `models_every`, and when the engine comes up.
//   GET /metrics     of foreign engines, every `metrics_every`; an engine that has no such page is
//                    asked again once a minute. Without one, the tokens relayed a second are what
//                    is known.
#pragma once

#include <functional>
#include <vector>

#include "net/awaitable.h"
#include "upstream/remote_engine.h"

namespace holdfast::upstream {

// `engine` and `limits` must outlive the coroutine. `changed`: as Pool::Watch.
net::Awaitable<void> WatchEngine(RemoteEngine& engine, const PoolLimits& limits,
                                 std::function<void(bool is_up)> changed);

// The models of an answer to GET /v1/models. Errors: kInvalidArgument (not such a list), kTooLarge
// (more than kModelsMax).
inline constexpr std::size_t kModelsMax = 1'000;
[[nodiscard]] Result<std::vector<ModelInfo>> ReadModels(std::string_view body);

}  // namespace holdfast::upstream
