#include "upstream/pool.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "net/event.h"
#include "upstream/answer_state.h"
#include "upstream/remote_engine.h"
#include "upstream/watch.h"

namespace holdfast::upstream {

std::string_view EngineStateWord(EngineState state) {
  switch (state) {
    case EngineState::kUnknown:
      return "unknown";
    case EngineState::kUp:
      return "up";
    case EngineState::kDraining:
      return "draining";
    case EngineState::kDown:
      return "down";
  }
  return "unknown";
}

Result<std::unique_ptr<Pool>> Pool::Make(std::vector<EngineSpec> specs, const PoolLimits& limits,
                                         metrics::Registry& registry) {
  if (specs.empty()) return Fail(ErrorCode::kInvalidArgument, "a pool needs an engine");
  auto engines = std::make_unique<EngineSet>();
  engines->limits = limits;
  for (EngineSpec& spec : specs) {
    for (const auto& other : engines->engines) {
      if (other->spec().name != spec.name) continue;
      return Fail(ErrorCode::kInvalidArgument, "two engines have the name {}", spec.name);
    }
    TRY_ASSIGN(std::unique_ptr<RemoteEngine> engine,
               RemoteEngine::Make(std::move(spec), engines->limits, registry));
    engines->engines.push_back(std::move(engine));
  }
  return std::unique_ptr<Pool>(new Pool(std::move(engines)));
}

Pool::Pool(std::unique_ptr<EngineSet> engines) : engines_(std::move(engines)) {}
Pool::~Pool() = default;

std::size_t Pool::engine_count() const { return engines_->engines.size(); }

net::Awaitable<void> Pool::Watch(std::size_t engine, std::function<void(bool is_up)> changed) {
  CHECK(engine < engine_count());
  return WatchEngine(*engines_->engines[engine], engines_->limits, std::move(changed));
}

net::Awaitable<std::expected<std::unique_ptr<AnswerStream>, Failure>> Pool::Open(
    Call call, net::StopSource& stop) {
  CHECK(call.body != nullptr);
  auto state = std::make_unique<AnswerStream::State>(*engines_, std::move(call), stop,
                                                     co_await net::CurrentExecutor());
  const std::expected<void, Failure> started = co_await state->Advance();
  if (!started) co_return std::unexpected(started.error());
  co_return std::make_unique<AnswerStream>(std::move(state));
}

std::vector<ModelInfo> Pool::Models() const {
  std::map<std::string, ModelInfo> by_id;
  for (const auto& engine : engines_->engines) {
    RemoteEngine::Board board = engine->board();
    if (board.state != EngineState::kUp) continue;
    for (ModelInfo& model : board.models) by_id.try_emplace(model.id, std::move(model));
  }
  std::vector<ModelInfo> models;
  for (auto& [id, model] : by_id) models.push_back(std::move(model));
  return models;
}

std::optional<ModelInfo> Pool::FindModel(std::string_view id) const {
  for (const auto& engine : engines_->engines) {
    RemoteEngine::Board board = engine->board();
    if (board.state != EngineState::kUp) continue;
    const auto found = std::ranges::find(board.models, id, &ModelInfo::id);
    if (found != board.models.end()) return std::move(*found);
  }
  return std::nullopt;
}

PoolReport Pool::Report() const {
  double running = 0;
  double waiting = 0;
  double sequences = 0;
  double free_share = 0;
  double weight = 0;
  bool knows_sequences = true;
  PoolReport report;
  report.engines_total = static_cast<std::uint32_t>(engine_count());
  for (const auto& engine : engines_->engines) {
    const RemoteEngine::Board board = engine->board();
    if (board.state != EngineState::kUp) continue;
    ++report.engines_up;
    const double load = engine->load();
    // Of an engine that says nothing, what is in flight here runs.
    running += board.knows_load ? board.running : load;
    waiting += board.waiting;
    sequences += board.sequences_max;
    knows_sequences = knows_sequences && board.sequences_max > 0;
    free_share += board.free_cache_share * engine->spec().weight;
    weight += engine->spec().weight;
    report.tokens_per_s += board.tokens_per_s;
  }
  report.running = static_cast<std::uint32_t>(running);
  report.waiting = static_cast<std::uint32_t>(waiting);
  if (knows_sequences) report.sequences_max = static_cast<std::uint32_t>(sequences);
  if (weight > 0) report.free_cache_share = free_share / weight;
  return report;
}

std::vector<EngineStatus> Pool::Status() const {
  std::vector<EngineStatus> rows;
  const net::TimePoint now = net::Clock::now();
  for (const auto& engine : engines_->engines) rows.push_back(engine->Status(now));
  return rows;
}

}  // namespace holdfast::upstream
