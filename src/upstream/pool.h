// Pool: the engines behind this gateway, whatever they are: ours, llama-server, vLLM, SGLang, a
// service. It knows which are up, what they serve and how busy they are; sends each call to one of
// them; and moves on to another while nothing of an answer has been given out.
//
// Choice: the least load for its weight; but a conversation stays with the engine that has its
// beginning in the prefix cache, unless that one is much busier. A breaker per engine keeps calls
// away from one that fails.
//
// Made at the start of the gateway; must outlive the I/O threads' coroutines. Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "metrics/registry.h"
#include "net/awaitable.h"
#include "net/stop.h"
#include "upstream/answer_stream.h"
#include "upstream/engine_spec.h"
#include "upstream/failure.h"
#include "upstream/pool_types.h"

namespace holdfast::upstream {

struct EngineSet;

class Pool {
 public:
  // The registry must outlive the pool. Reads the CA files. Errors: kInvalidArgument (no engine, a
  // name twice, a URL, a weight), naming the engine; those of its CA file.
  [[nodiscard]] static Result<std::unique_ptr<Pool>> Make(std::vector<EngineSpec> specs,
                                                          const PoolLimits& limits,
                                                          metrics::Registry& registry);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  std::size_t engine_count() const;
  // Learns health, models and load of one engine for ever. Run one for each, on any I/O thread.
  // Without it no engine is ever up. `changed` is told on that thread when it comes up or goes.
  net::Awaitable<void> Watch(std::size_t engine, std::function<void(bool is_up)> changed);

  // Sends the call to an engine and reads the head of its answer. When `stop` stops, what is under
  // way ends at once, with kStopped, here and in the stream. `stop` must outlive the stream.
  net::Awaitable<std::expected<std::unique_ptr<AnswerStream>, Failure>> Open(Call call,
                                                                             net::StopSource& stop);

  // What may be served now, sorted by id, as engines that are up said; asks nobody.
  std::vector<ModelInfo> Models() const;
  std::optional<ModelInfo> FindModel(std::string_view id) const;
  PoolReport Report() const;
  std::vector<EngineStatus> Status() const;

 private:
  explicit Pool(std::unique_ptr<EngineSet> engines);
  std::unique_ptr<EngineSet> engines_;
};

}  // namespace holdfast::upstream
