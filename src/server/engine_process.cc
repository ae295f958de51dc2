#include "server/engine_process.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include "base/log.h"
#include "model/model.h"
#include "net/blocking_pool.h"
#include "net/io_threads.h"
#include "push_down/rights.h"
#include "server/engine_endpoints.h"
#include "server/engine_pipeline.h"
#include "server/http_settings.h"
#include "server/model_files.h"
#include "server/process_signals.h"
#include "server/run_files.h"

namespace holdfast::server {
namespace {

// After the engine has stopped, its last words get so long to reach their readers, at least.
constexpr std::chrono::milliseconds kLastWordsTimeMax{500};

// A model with everything it needs, in the order in which it is made and unmade.
struct LoadedModel {
  std::filesystem::path path;
  std::unique_ptr<weights::Checkpoint> checkpoint;
  std::unique_ptr<const tokenizer::Tokenizer> tokenizer;
  std::unique_ptr<parallel::ThreadPool> pool;
  std::unique_ptr<model::Model> model;
};

Result<LoadedModel> LoadModel(const Config& config, const ProcessSignals& signals) {
  // A large model takes minutes.
  const EndsOnSignal ends(signals);
  LoadedModel loaded;
  TRY_ASSIGN(loaded.path, FindModel(config.model.path));
  log::info("loading {}", loaded.path.string());
  TRY_ASSIGN(loaded.checkpoint, weights::Checkpoint::Open(loaded.path));
  TRY_ASSIGN(loaded.tokenizer, MakeTokenizer(*loaded.checkpoint));
  loaded.pool = std::make_unique<parallel::ThreadPool>(static_cast<int>(config.engine.threads));
  auto model = model::Model::Load(*loaded.checkpoint, *loaded.pool, {});
  if (!model) {
    return Fail(model.error().code, "{}: {}", loaded.path.string(), model.error().message);
  }
  loaded.model = std::move(*model);
  const auto vocab_size = static_cast<std::size_t>(loaded.model->config().vocab_size);
  if (loaded.tokenizer->vocab_size() > vocab_size) {
    return Fail(ErrorCode::kCorrupt, "{}: the tokenizer has {} tokens, the model {}",
                loaded.path.string(), loaded.tokenizer->vocab_size(), vocab_size);
  }
  return loaded;
}

engine::EngineOptions MakeEngineOptions(const EngineConfig& config) {
  engine::EngineOptions options;
  options.queue_max = config.queue_max;
  options.running_max = config.running_max;
  options.step_tokens_max = config.step_tokens_max;
  options.step_target = std::chrono::milliseconds(config.step_target_ms);
  options.cache_bytes = config.cache_mib << 20;
  options.context_max = config.context_max;
  options.deterministic = config.deterministic;
  return options;
}

// Tells two models apart, not two files of one model: FNV-1a of the name and the size.
std::string Fingerprint(std::string_view name, std::uintmax_t bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : fmt::format("{}/{}", name, bytes)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return fmt::format("fp_{:012x}", hash >> 16);
}

api::EngineService MakeService(const Config& config, const LoadedModel& loaded,
                               engine::Engine& engine, net::BlockingPool& blocking) {
  api::EngineService service{.engine = engine,
                             .tokenizer = *loaded.tokenizer,
                             .blocking = blocking,
                             .token_sizes = api::TokenSizes(*loaded.tokenizer)};
  service.family = tokenizer::DetectChatFamily(*loaded.tokenizer);
  service.model_id = config.model.name.empty() ? ModelName(loaded.path) : config.model.name;
  std::uintmax_t bytes = 0;
  for (const weights::NamedTensor& tensor : loaded.checkpoint->tensors()) {
    bytes += tensor.view.Bytes();
  }
  service.fingerprint = Fingerprint(service.model_id, bytes);
  service.created_s = std::time(nullptr);
  service.vocab_size = loaded.model->config().vocab_size;
  service.context_max = engine.context_max();
  service.answer_tokens_max = config.engine.answer_tokens_max;
  service.answer_time_max = std::chrono::seconds(config.engine.answer_seconds_max);
  return service;
}

}  // namespace

Result<void> RunEngine(const Config& config) {
  push_down::DropNetAdmin();  // It is the gateway's, and not even that keeps it.
  ProcessSignals signals;
  metrics::Registry registry;
  TRY_ASSIGN(const LoadedModel loaded, LoadModel(config, signals));
  TRY_ASSIGN(const std::unique_ptr<engine::Engine> engine,
             engine::Engine::Start(*loaded.model, MakeEngineOptions(config.engine), &registry));
  net::BlockingPool blocking({.thread_count = static_cast<std::size_t>(config.engine.io_threads),
                              .queue_max = static_cast<std::size_t>(config.engine.queue_max)});
  const api::EngineService service = MakeService(config, loaded, *engine, blocking);

  const http::BodyLimits body = MakeBodyLimits(config.http);
  const EndpointTable table(EngineEndpoints(service, registry, body.bytes_max));
  Settlement settlement(table.endpoints(), registry);
  EnginePipeline pipeline(table, settlement, body);

  net::IoThreads threads(static_cast<std::size_t>(config.engine.io_threads));
  // The engine's own queue is the limit here, and one client may be a whole gateway.
  const auto answers_max =
      static_cast<std::size_t>(config.engine.running_max + config.engine.queue_max);
  net::ConnectionLimits connections;
  connections.total_max = connections.per_address_max = 2 * answers_max + 16;
  connections.long_answers_max = connections.total_max;
  http::Server server(
      threads, MakeServerOptions(config.http, connections),
      [&](http::Exchange& exchange) { return pipeline.Serve(exchange); },
      [&](http::Exchange& exchange, const http::Refusal& refusal) {
        return pipeline.Refuse(exchange, refusal);
      });
  TRY_ASSIGN(const net::Endpoint endpoint, EngineEndpoint(config));
  TRY(server.Listen(endpoint));
  log::info("serving '{}' on {}, context {}", service.model_id,
            server.endpoints().front().ToString(), service.context_max);

  signals.Wait();
  const std::chrono::seconds limit(config.up.drain_seconds_max);
  log::info("draining, at most {} s", limit.count());
  const net::TimePoint deadline = net::Clock::now() + limit;
  blocking.Stop();
  engine->Drain(limit);
  // What is left ends here with a word to its reader. From now on neither the pool nor the engine
  // posts to the I/O threads, which may go.
  engine->Stop();
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - net::Clock::now());
  const std::size_t cut = server.Drain(std::max(left, kLastWordsTimeMax));
  threads.Stop();
  log::info("stopped, {} answers cut short", cut);
  return {};
}

}  // namespace holdfast::server
