#include "verdict/engine/engine_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace holdfast::verdict {
namespace {

// Rounding of the virtual clock that still counts as having arrived.
constexpr double kStepTolerance = 1e-6;

constexpr auto kLater = [](const auto& a, const auto& b) {
  return a.end_step != b.end_step ? a.end_step > b.end_step : a.serial > b.serial;
};

}  // namespace

EngineModel::EngineModel(const EngineProfile& profile)
    : profile_(profile), sequences_max_(profile.sequences_max), workers_up_(profile.workers) {
  CHECK(profile.workers > 0 && profile.workers < 65536 && profile.sequences_max > 0);
  CHECK(profile.prefill_chunk_tokens > 0 && profile.step_base_s > 0);
  workers_.resize(static_cast<std::size_t>(profile.workers));
}

bool EngineModel::Submit(std::uint32_t slot, std::uint32_t prompt_tokens,
                         std::uint32_t output_tokens, Time now) {
  CHECK(now <= next_event_);
  if (workers_up_ == 0) return false;
  output_tokens = std::max(output_tokens, 1U);
  if (std::int64_t{prompt_tokens} + output_tokens > profile_.cache_tokens_max) return false;
  if (slot >= requests_.size()) requests_.resize(slot + 1);
  Request& request = requests_[slot];
  CHECK(request.stage == Stage::kAbsent);

  const auto end = workers_.begin() + workers_up_;
  const auto worker = std::min_element(
      workers_.begin(), end, [](const Worker& a, const Worker& b) { return a.load() < b.load(); });
  request = {.stage = Stage::kWaiting,
             .worker = static_cast<std::uint16_t>(worker - workers_.begin()),
             .serial = ++serial_,
             .prompt_tokens = std::max(prompt_tokens, 1U),
             .output_tokens = output_tokens};
  worker->arrivals.push_back({0, request.serial, slot});
  ++worker->queued;
  ++waiting_;
  MoveTo(*worker, worker->step + StepsUntil(*worker, now), now);
  Changed(*worker);
  return true;
}

std::uint32_t EngineModel::Cancel(std::uint32_t slot, Time now) {
  CHECK(now <= next_event_);
  if (slot >= requests_.size() || requests_[slot].stage == Stage::kAbsent) return 0;
  const Request request = requests_[slot];
  Worker& worker = workers_[request.worker];
  MoveTo(worker, worker.step + StepsUntil(worker, now), now);
  std::uint32_t produced = 0;
  if (request.stage == Stage::kDecode) {
    const double left = std::max(request.end_step - worker.step, 0.0);
    const double made = std::max(request.output_tokens - left, 1.0);
    produced = static_cast<std::uint32_t>(made);
    worker.context_tokens -= request.prompt_tokens + made;
  }
  Forget(slot);
  Changed(worker);
  return produced;
}

void EngineModel::Advance(Time now, std::vector<Event>& events) {
  while (next_event_ <= now) {
    const auto worker = std::min_element(
        workers_.begin(), workers_.end(),
        [](const Worker& a, const Worker& b) { return a.next_time < b.next_time; });
    RunEvent(*worker, events);
  }
}

void EngineModel::SetCapacity(double share, Time now) {
  CHECK(share >= 0 && now <= next_event_);
  for (Worker& worker : workers_) MoveTo(worker, worker.step + StepsUntil(worker, now), now);
  capacity_ = share;
  for (Worker& worker : workers_) Changed(worker);
}

void EngineModel::SetSequencesMax(int sequences_max, Time now) {
  CHECK(sequences_max > 0 && now <= next_event_);
  sequences_max_ = sequences_max;
  for (Worker& worker : workers_) {
    MoveTo(worker, worker.step + StepsUntil(worker, now), now);
    Changed(worker);
  }
}

void EngineModel::SetWorkers(int up, Time now, std::vector<std::uint32_t>* lost) {
  CHECK(up >= 0 && up <= profile_.workers && now <= next_event_);
  for (std::uint32_t slot = 0; slot < requests_.size(); ++slot) {
    if (requests_[slot].stage == Stage::kAbsent || requests_[slot].worker < up) continue;
    Forget(slot);
    if (lost != nullptr) lost->push_back(slot);
  }
  workers_up_ = up;
  for (int i = up; i < profile_.workers; ++i) {
    Worker& worker = workers_[static_cast<std::size_t>(i)];
    const double produced = worker.produced;
    worker = {};
    worker.produced = produced;
    worker.updated = now;
  }
  for (Worker& worker : workers_) {
    MoveTo(worker, worker.step + StepsUntil(worker, now), now);
    Changed(worker);
  }
}

double EngineModel::free_cache_share() const {
  if (workers_up_ == 0) return 0;
  std::int64_t reserved = 0;
  for (const Worker& worker : workers_) reserved += worker.reserved_tokens;
  return 1 - static_cast<double>(reserved) /
                 (static_cast<double>(profile_.cache_tokens_max) * workers_up_);
}

double EngineModel::OutputTokens(Time now) const {
  double tokens = 0;
  for (const Worker& worker : workers_) {
    tokens += worker.produced + worker.decoding * StepsUntil(worker, now);
  }
  return tokens;
}

// Of the next step, at this context.
double EngineModel::StepTime(const Worker& worker) const {
  const bool prefills = worker.prefilling > 0;
  return StepSeconds(profile_, worker.decoding + (prefills ? 1 : 0), worker.context_tokens,
                     prefills ? profile_.prefill_chunk_tokens : 0) /
         capacity_;
}

// Steps k from `updated` to `now`, at most to the next event. Each step adds a token of context to
// every sequence, so that k steps take k * first + k^2 * growth / 2.
double EngineModel::StepsUntil(const Worker& worker, Time now) const {
  const double elapsed_s = ToSeconds(now - worker.updated);
  if (elapsed_s <= 0 || capacity_ <= 0 || worker.decoding + worker.prefilling == 0) return 0;
  if (now >= worker.next_time) return worker.next_step - worker.step;
  const double first = StepTime(worker);
  const double growth = profile_.step_per_context_token_s * worker.decoding / capacity_;
  const double steps = 2 * elapsed_s / (first + std::sqrt(first * first + 2 * growth * elapsed_s));
  return std::min(steps, worker.next_step - worker.step);
}

void EngineModel::MoveTo(Worker& worker, double step, Time now) {
  const double steps = step - worker.step;
  worker.context_tokens += worker.decoding * steps;
  worker.produced += worker.decoding * steps;
  if (worker.prefilling > 0) worker.head_left -= steps * profile_.prefill_chunk_tokens;
  worker.step = step;
  worker.updated = now;
}

void EngineModel::Changed(Worker& worker) {
  FillBatch(worker);
  PlanNext(worker);
  next_event_ = Time::max();
  for (const Worker& other : workers_) next_event_ = std::min(next_event_, other.next_time);
}

void EngineModel::FillBatch(Worker& worker) {
  while (!worker.arrivals.empty()) {
    const Entry entry = worker.arrivals.front();
    if (IsLive(entry)) {
      Request& request = requests_[entry.slot];
      const std::int64_t tokens = std::int64_t{request.prompt_tokens} + request.output_tokens;
      if (worker.decoding + worker.prefilling >= static_cast<std::uint32_t>(sequences_max_) ||
          worker.reserved_tokens + tokens > profile_.cache_tokens_max) {
        return;
      }
      request.stage = Stage::kPrefill;
      worker.reserved_tokens += tokens;
      ++worker.prefilling;
      --worker.queued;
      ++running_;
      --waiting_;
      worker.prefills.push_back(entry);
    }
    worker.arrivals.pop_front();
  }
}

void EngineModel::PlanNext(Worker& worker) {
  while (!worker.ends.empty() && !IsLive(worker.ends.front())) {
    std::pop_heap(worker.ends.begin(), worker.ends.end(), kLater);
    worker.ends.pop_back();
  }
  while (!worker.prefills.empty() && !IsLive(worker.prefills.front())) {
    worker.prefills.pop_front();
  }
  if (!worker.prefills.empty() && worker.prefills.front().serial != worker.head_serial) {
    worker.head_serial = worker.prefills.front().serial;
    worker.head_left = requests_[worker.prefills.front().slot].prompt_tokens;
  }
  if (worker.decoding == 0) worker.context_tokens = 0;  // No rounding outlives a batch.

  worker.next_time = Time::max();
  if (capacity_ <= 0 || worker.decoding + worker.prefilling == 0) return;
  worker.next_is_prefill = false;
  double steps = std::numeric_limits<double>::infinity();
  if (!worker.ends.empty()) steps = worker.ends.front().end_step - worker.step;
  if (!worker.prefills.empty()) {
    const double prefill_steps = worker.head_left / profile_.prefill_chunk_tokens;
    worker.next_is_prefill = prefill_steps < steps;
    steps = std::min(steps, prefill_steps);
  }
  steps = std::max(steps, 0.0);
  const double growth = profile_.step_per_context_token_s * worker.decoding / capacity_;
  const double seconds = steps * StepTime(worker) + steps * steps * growth / 2;
  worker.next_step = worker.step + steps;
  worker.next_time =
      worker.updated + Duration(static_cast<Duration::rep>(std::ceil(seconds * 1e6)));
}

void EngineModel::RunEvent(Worker& worker, std::vector<Event>& events) {
  MoveTo(worker, worker.next_step, worker.next_time);
  if (worker.next_is_prefill) {
    EndPrefill(worker, events);
  } else {
    EndDecode(worker, events);
  }
  Changed(worker);
}

void EngineModel::EndPrefill(Worker& worker, std::vector<Event>& events) {
  const std::uint32_t slot = worker.prefills.front().slot;
  worker.prefills.pop_front();
  Request& request = requests_[slot];
  events.push_back({Event::kFirstToken, slot, worker.updated});
  worker.produced += 1;
  if (request.output_tokens == 1) {
    events.push_back({Event::kFinished, slot, worker.updated});
    Forget(slot);
    return;
  }
  request.stage = Stage::kDecode;
  request.end_step = worker.step + (request.output_tokens - 1);
  --worker.prefilling;
  ++worker.decoding;
  worker.context_tokens += request.prompt_tokens + 1;
  worker.ends.push_back({request.end_step, request.serial, slot});
  std::push_heap(worker.ends.begin(), worker.ends.end(), kLater);
}

void EngineModel::EndDecode(Worker& worker, std::vector<Event>& events) {
  while (!worker.ends.empty() && worker.ends.front().end_step <= worker.step + kStepTolerance) {
    const Entry entry = worker.ends.front();
    std::pop_heap(worker.ends.begin(), worker.ends.end(), kLater);
    worker.ends.pop_back();
    if (!IsLive(entry)) continue;
    const Request& request = requests_[entry.slot];
    worker.context_tokens -= request.prompt_tokens + request.output_tokens;
    events.push_back({Event::kFinished, entry.slot, worker.updated});
    Forget(entry.slot);
  }
}

void EngineModel::Forget(std::uint32_t slot) {
  Request& request = requests_[slot];
  Worker& worker = workers_[request.worker];
  if (request.stage == Stage::kWaiting) {
    --worker.queued;
    --waiting_;
  } else {
    --running_;
    --(request.stage == Stage::kPrefill ? worker.prefilling : worker.decoding);
    worker.reserved_tokens -= std::int64_t{request.prompt_tokens} + request.output_tokens;
  }
  request.stage = Stage::kAbsent;
  request.serial = 0;
}

}  // namespace holdfast::verdict
