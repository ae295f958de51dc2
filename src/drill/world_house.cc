// The house around the requests: connections, faults, reports, probes, seconds.
#include <algorithm>

#include "drill/world.h"

namespace holdfast::drill {

bool World::TakeConnection() {
  const std::uint32_t limit = scenario_.resources.connections_max;
  if (connections_ + slow_connections_ >= limit &&
      !(door_->has_bounds() && EvictSlowConnection())) {
    return false;
  }
  ++connections_;
  return true;
}

// Closes the slow connection that has been open for longest.
bool World::EvictSlowConnection() {
  while (!slow_order_.empty()) {
    const Opened first = slow_order_.front();
    slow_order_.pop_front();
    if (!slow_[first.index].is_open || slow_[first.index].generation != first.generation) continue;
    CloseSlowConnection(first.index);
    return true;
  }
  return false;
}

void World::OpenSlowConnection(std::uint32_t caller, guard::ConnectionEvent event, Time until) {
  if (!door_->Accepts(callers_[caller].ids, now_)) return;
  handshakes_.Take(scenario_.resources.handshake_s, now_);
  if (!TakeConnection()) return;
  --connections_;
  ++slow_connections_;
  if (free_slow_.empty()) {
    free_slow_.push_back(static_cast<std::uint32_t>(slow_.size()));
    slow_.emplace_back();
  }
  const std::uint32_t index = free_slow_.back();
  free_slow_.pop_back();
  SlowConnection& connection = slow_[index];
  connection = {.caller = caller,
                .generation = connection.generation + 1,
                .event = event,
                .opened = now_,
                .is_open = true};
  slow_order_.push_back({index, connection.generation});
  Push(kCloseConnection, until, index, connection.generation);
}

void World::CloseSlowConnection(std::uint32_t index) {
  SlowConnection& connection = slow_[index];
  const CallerState& caller = callers_[connection.caller];
  connection.is_open = false;
  --slow_connections_;
  free_slow_.push_back(index);
  const guard::ConnectionFacts facts{.time = now_,
                                     .caller = caller.ids,
                                     .event = connection.event,
                                     .held = now_ - connection.opened};
  door_->OnConnection(facts);
  if (Observer* observer = watching(); observer != nullptr) {
    observer->OnConnection(facts, {.caller = connection.caller,
                                   .kind = caller.kind,
                                   .is_first_visit = caller.is_first_visit});
  }
}

void World::ApplyFaults() {
  const int workers = scenario_.engine.workers;
  double speed = 1;
  double workers_share = 1;
  double batch_share = 1;
  double limits_share = 1;
  bool is_blind = false;
  lost_share_ = 0;
  for (std::size_t i = 0; i < active_faults_.size(); ++i) {
    if (!active_faults_[i]) continue;
    const Fault& fault = scenario_.faults[i];
    switch (fault.kind) {
      case FaultKind::kSlow:
        speed *= fault.share;
        break;
      case FaultKind::kStall:
        speed = 0;
        break;
      case FaultKind::kWorkersDown:
        workers_share = std::min(workers_share, fault.share);
        break;
      case FaultKind::kCrash:
        workers_share = 0;
        break;
      case FaultKind::kSmallBatch:
        batch_share *= fault.share;
        break;
      case FaultKind::kTightLimits:
        limits_share *= fault.share;
        break;
      case FaultKind::kUplink:
        lost_share_ = std::max(lost_share_, fault.share);
        break;
      case FaultKind::kBlind:
        is_blind = true;
        break;
    }
  }
  const int up = static_cast<int>(std::lround(workers * workers_share));
  if (up != engine_.workers_up()) {
    std::vector<std::uint32_t> lost;
    engine_.SetWorkers(up, now_, &lost);
    for (const std::uint32_t slot : lost) {
      EndAttempt(slot, {.ending = guard::Ending::kFailed}, true);
    }
  }
  if (speed != engine_.capacity()) engine_.SetCapacity(speed, now_);
  if (batch_share != batch_share_) {
    const double batch = scenario_.engine.sequences_max * batch_share;
    engine_.SetSequencesMax(std::max(1, static_cast<int>(std::lround(batch))), now_);
    batch_share_ = batch_share;
  }
  if (limits_share != limits_share_) {
    door_->SetLimits(limits_share, now_);
    limits_share_ = limits_share;
  }
  if (is_blind != is_blind_) {
    TellGap();
    is_blind_ = is_blind;
    blind_since_ = now_;
  }
  Report();
  TellCapacity();
}

void World::TellGap() {
  if (!is_blind_ || observer_ == nullptr || now_ == blind_since_) return;
  observer_->OnGap(blind_since_, now_);
  blind_since_ = now_;
}

void World::TellCapacity() {
  if (observer_ == nullptr) return;
  observer_->OnCapacity({.time = now_,
                         .engine_share = engine_.capacity(),
                         .workers_up = engine_.workers_up(),
                         .workers_total = scenario_.engine.workers,
                         .batch_share = batch_share_,
                         .limits_share = limits_share_});
}

// What a gateway learns of its engine four times a second, and at once when it changes.
void World::Report() {
  const double tokens = engine_.OutputTokens(now_);
  const double interval_s = guard::ToSeconds(now_ - reported_at_);
  const double rate = interval_s > 0.05 ? (tokens - reported_tokens_) / interval_s : 0;
  reported_tokens_ = tokens;
  reported_at_ = now_;
  const guard::EngineReport report{
      .running = engine_.running(),
      .waiting = engine_.waiting(),
      .sequences_max = static_cast<std::uint32_t>(engine_.sequences_max()),
      .free_cache_share = engine_.free_cache_share(),
      .workers_up = static_cast<std::uint32_t>(engine_.workers_up()),
      .workers_total = static_cast<std::uint32_t>(scenario_.engine.workers),
      .tokens_per_s = rate};
  door_->OnEngineReport(report, now_);
  if (observer_ != nullptr) observer_->OnEngineReport(report, now_);
  is_door_touched_ = true;
}

void World::Probe() {
  const bool has_reached = !(lost_share_ > 0 && uplink_.Chance(lost_share_));
  if (observer_ != nullptr) {
    const double places = std::max(1, engine_.sequences_max());
    observer_->OnProbe({.time = now_,
                        .has_reached_host = has_reached,
                        .host_busy_share = engine_.running() / places});
  }
  Push(kProbe, now_ + scenario_.probe_interval, 0, 0);
}

void World::EndSecond() {
  const double places = std::max(1, engine_.sequences_max());
  recorder_.EndSecond({.engine_running = engine_.running(),
                       .engine_waiting = engine_.waiting(),
                       .door_waiting = door_->waiting(),
                       .connections = connections_ + slow_connections_,
                       .engine_busy = static_cast<float>(engine_.running() / places),
                       .engine_share = static_cast<float>(
                           engine_.capacity() * engine_.workers_up() / scenario_.engine.workers),
                       .is_registration_restricted = door_->is_registration_restricted()},
                      now_);
  TellGap();
  if (observer_ != nullptr) observer_->OnSecond(now_);
  Push(kSecond, now_ + std::chrono::seconds(1), 0, 0);
}

}  // namespace holdfast::drill
