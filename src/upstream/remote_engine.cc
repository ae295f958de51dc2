#include "upstream/remote_engine.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/text_hash.h"
#include "net/asio.h"

namespace holdfast::upstream {
namespace {

metrics::Labels LabelsOf(const EngineSpec& spec) { return {{"engine", spec.name}}; }

}  // namespace

Result<std::unique_ptr<RemoteEngine>> RemoteEngine::Make(EngineSpec spec, const PoolLimits& limits,
                                                         metrics::Registry& registry) {
  if (spec.name.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "an engine needs a name");
  }
  if (!std::isfinite(spec.weight) || spec.weight <= 0) {
    return Fail(ErrorCode::kInvalidArgument, "engine {}: the weight must be above 0", spec.name);
  }
  Result<EngineAddress> parsed = ParseEngineUrl(spec.url);
  if (!parsed) {
    return Fail(parsed.error().code, "engine {}: {}", spec.name, parsed.error().message);
  }
  EngineAddress address = std::move(*parsed);
  std::unique_ptr<const net::TlsClient> tls;
  if (address.is_tls) {
    net::TlsClientOptions options{.ca_file = spec.tls.ca_file,
                                  .server_name = spec.tls.server_name,
                                  .insecure = spec.tls.insecure};
    if (options.server_name.empty()) options.server_name = address.endpoint.host;
    TRY_ASSIGN(tls, net::TlsClient::Open(options));
  }
  return std::unique_ptr<RemoteEngine>(
      new RemoteEngine(std::move(spec), std::move(address), std::move(tls), limits, registry));
}

RemoteEngine::RemoteEngine(EngineSpec spec, EngineAddress address,
                           std::unique_ptr<const net::TlsClient> tls, const PoolLimits& limits,
                           metrics::Registry& registry)
    : spec_(std::move(spec)),
      address_(std::move(address)),
      tls_(std::move(tls)),
      name_hash_(HashText(spec_.name)),
      idle_(limits.idle_connections_max, limits.idle_time_max),
      breaker_(limits.breaker),
      registry_(registry),
      up_gauge_(registry.GetGauge("holdfast_upstream_up", "1 when the engine takes calls.",
                                  LabelsOf(spec_))),
      running_gauge_(registry.GetGauge("holdfast_upstream_running", "Answers the engine makes.",
                                       LabelsOf(spec_))),
      waiting_gauge_(registry.GetGauge("holdfast_upstream_waiting",
                                       "Requests waiting in the engine.", LabelsOf(spec_))),
      retries_(registry.GetCounter("holdfast_upstream_retries_total",
                                   "Calls taken to another engine before their answer began.",
                                   LabelsOf(spec_))) {
  for (const std::string& id : spec_.models) board_.models.push_back({.id = id});
  for (ModelInfo& model : board_.models) model.owned_by = spec_.name;
  board_.knows_models = !spec_.models.empty();
}

http::ClientRequest RemoteEngine::Request(http::Method method, std::string_view path) const {
  http::ClientRequest request;
  request.method = method;
  request.target = address_.base + std::string(path);
  request.host = address_.host;
  request.keeps_alive = true;
  if (!spec_.key.empty()) {
    request.headers.push_back({"Authorization", fmt::format("Bearer {}", spec_.key.Reveal())});
  }
  return request;
}

bool RemoteEngine::ServesLocked(std::string_view model) const {
  return model.empty() ||
         std::ranges::find(board_.models, model, &ModelInfo::id) != board_.models.end();
}

bool RemoteEngine::MayTake(std::string_view model, net::TimePoint now) const {
  const std::lock_guard lock(mutex_);
  return board_.state == EngineState::kUp && breaker_.Admits(now) && ServesLocked(model);
}

std::optional<bool> RemoteEngine::Serves(std::string_view model) const {
  const std::lock_guard lock(mutex_);
  if (!board_.knows_models) return std::nullopt;
  return ServesLocked(model);
}

double RemoteEngine::load() const {
  const double in_flight = in_flight_.load(std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  if (!board_.knows_load) return in_flight;
  const double since = in_flight - board_.in_flight_then;
  return std::max(in_flight, board_.running + board_.waiting + since);
}

void RemoteEngine::BeginCall() {
  in_flight_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  breaker_.Begin();
}

void RemoteEngine::AnswerBegan() {
  const std::lock_guard lock(mutex_);
  breaker_.Release();
}

void RemoteEngine::EndCall(std::optional<FailureKind> failure, net::TimePoint now) {
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  const std::string_view outcome = failure ? FailureWord(*failure) : "complete";
  metrics::Labels labels = LabelsOf(spec_);
  labels.emplace_back("outcome", outcome);
  registry_.GetCounter("holdfast_upstream_calls_total", "Calls by how they ended.", labels).Add();
  const std::lock_guard lock(mutex_);
  if (!failure) {
    ++answers_;
    breaker_.Succeed();
  } else if (IsEngineFault(*failure)) {
    ++failures_;
    breaker_.Fail(now);
  } else {
    breaker_.Release();
  }
  if (failure && *failure != FailureKind::kStopped) last_error_ = outcome;
}

void RemoteEngine::Learn(const LoadNews& news) {
  // A report sums these as 32-bit numbers.
  constexpr double kCountMax = 1e6;
  const std::lock_guard lock(mutex_);
  if (news.running || news.waiting) {
    board_.running = std::min(news.running.value_or(0), kCountMax);
    board_.waiting = std::min(news.waiting.value_or(0), kCountMax);
    board_.in_flight_then = in_flight_.load(std::memory_order_relaxed);
    board_.knows_load = true;
    running_gauge_.Set(board_.running);
    waiting_gauge_.Set(board_.waiting);
  }
  if (news.free_cache_share) board_.free_cache_share = std::clamp(*news.free_cache_share, 0.0, 1.0);
  if (news.sequences_max) board_.sequences_max = std::min(*news.sequences_max, kCountMax);
  if (news.tokens_per_s) board_.tokens_per_s = *news.tokens_per_s;
}

bool RemoteEngine::LearnFrom(const http::ResponseHead& head) {
  const auto number = [&](std::string_view name) -> std::optional<double> {
    const std::string_view text = head.Find(name);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    // What no engine can mean is not believed.
    constexpr double kNumberMax = 1e9;
    if (!(value >= 0 && value <= kNumberMax)) return std::nullopt;
    return value;
  };
  LoadNews news;
  news.running = number("x-holdfast-running");
  if (!news.running) return false;
  news.waiting = number("x-holdfast-waiting");
  const std::optional<double> free = number("x-holdfast-blocks-free");
  const std::optional<double> total = number("x-holdfast-blocks-total");
  if (free && total && *total > 0) news.free_cache_share = *free / *total;
  news.sequences_max = number("x-holdfast-sequences-max");
  news.tokens_per_s = number("x-holdfast-tokens-per-s");
  Learn(news);
  return true;
}

void RemoteEngine::SetModels(std::vector<ModelInfo> models) {
  const std::lock_guard lock(mutex_);
  if (spec_.models.empty()) {
    board_.models = std::move(models);
    board_.knows_models = true;
    return;
  }
  for (ModelInfo& ours : board_.models) {
    const auto said = std::ranges::find(models, ours.id, &ModelInfo::id);
    if (said != models.end()) ours = std::move(*said);
  }
}

bool RemoteEngine::SetState(EngineState state, std::string_view why, net::TimePoint now) {
  const std::lock_guard lock(mutex_);
  const bool was_up = board_.state == EngineState::kUp;
  const bool is_up = state == EngineState::kUp;
  board_.state = state;
  board_.why = why;
  up_gauge_.Set(is_up ? 1 : 0);
  if (is_up && !was_up) breaker_.Probe(now);
  return is_up != was_up;
}

void RemoteEngine::TellLoss(const std::shared_ptr<LossListener>& listener) {
  const std::lock_guard lock(mutex_);
  std::erase_if(loss_listeners_, [](const auto& one) { return one.expired(); });
  loss_listeners_.push_back(listener);
}

void RemoteEngine::Lose() {
  std::vector<std::weak_ptr<LossListener>> listeners;
  {
    const std::lock_guard lock(mutex_);
    listeners.swap(loss_listeners_);
  }
  for (const std::weak_ptr<LossListener>& weak : listeners) {
    const std::shared_ptr<LossListener> listener = weak.lock();
    if (listener == nullptr) continue;
    net::asio::post(listener->executor, [weak] {
      const std::shared_ptr<LossListener> here = weak.lock();
      if (here != nullptr && here->lost) here->lost();
    });
  }
}

RemoteEngine::Board RemoteEngine::board() const {
  const std::lock_guard lock(mutex_);
  return board_;
}

EngineStatus RemoteEngine::Status(net::TimePoint now) const {
  EngineStatus status;
  status.name = spec_.name;
  status.url = spec_.url;
  status.in_flight = in_flight_.load(std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  status.state = board_.state;
  status.why = board_.why;
  for (const ModelInfo& model : board_.models) status.models.push_back(model.id);
  status.running = static_cast<std::uint32_t>(board_.running);
  status.waiting = static_cast<std::uint32_t>(board_.waiting);
  status.tokens_per_s = board_.tokens_per_s;
  status.breaker = breaker_.Word(now);
  status.last_error = last_error_;
  status.answers = answers_;
  status.failures = failures_;
  return status;
}

namespace {

bool Contains(const std::vector<std::size_t>& tried, std::size_t engine) {
  return std::ranges::find(tried, engine) != tried.end();
}

}  // namespace

std::optional<std::size_t> EngineSet::Choose(const Call& call,
                                             const std::vector<std::size_t>& tried,
                                             net::TimePoint now) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < engines.size(); ++i) {
    const RemoteEngine& engine = *engines[i];
    if (Contains(tried, i) || !engine.MayTake(call.model, now)) continue;
    candidates.push_back({.engine = i,
                          .name_hash = engine.name_hash(),
                          .load = engine.load(),
                          .weight = engine.spec().weight});
  }
  return ChooseEngine(candidates, call.prefix_key, Mix64(turn.fetch_add(1)));
}

bool EngineSet::HasOther(const Call& call, const std::vector<std::size_t>& tried,
                         net::TimePoint now) const {
  for (std::size_t i = 0; i < engines.size(); ++i) {
    if (!Contains(tried, i) && engines[i]->MayTake(call.model, now)) return true;
  }
  return false;
}

}  // namespace holdfast::upstream
