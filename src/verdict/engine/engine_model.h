// EngineModel: an engine with continuous batching as a simulation or a replay sees it, fluid
// between events. Owned by one simulation; single-threaded; deterministic.
//
// Each worker keeps a virtual clock that counts steps. While nothing enters or leaves the batch, a
// step's time grows linearly with the context, so the time for any number of steps is a quadratic
// and each next event is found in O(log sequences). Prompts are prefilled first come, first served,
// prefill_chunk_tokens a step; a sequence's first token comes with the end of its prompt, then one
// with each step. A request enters a batch when there is a place and the cache has room for its
// prompt and its whole answer (a real engine learns the length as it goes and preempts: left out).
// A request goes to the worker with the fewest; when a worker is lost, so are its requests.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "verdict/engine/engine_profile.h"
#include "verdict/words.h"

namespace holdfast::verdict {

class EngineModel {
 public:
  struct Event {
    enum What : std::uint8_t { kFirstToken, kFinished };
    What what = kFirstToken;
    std::uint32_t slot = 0;
    Time time{};
  };

  explicit EngineModel(const EngineProfile& profile);

  // `slot` names the request until it has finished, was cancelled or lost; small numbers, reused by
  // the caller. False: no worker is up, or the request is larger than a worker's cache.
  bool Submit(std::uint32_t slot, std::uint32_t prompt_tokens, std::uint32_t output_tokens,
              Time now);
  // The caller left. Tokens produced so far; 0 also when the slot is not in the engine.
  std::uint32_t Cancel(std::uint32_t slot, Time now);

  // Appends what happens until `now`, in order of time. A request of one token has its first token
  // and its end at the same time. Times never go back, in all calls, and no other call may come
  // later than NextEvent().
  void Advance(Time now, std::vector<Event>& events);
  // Of the next event, if nothing else happens; Time::max(): none.
  Time NextEvent() const { return next_event_; }

  // Speed of all workers as a share of the profile's; 0: they stall.
  void SetCapacity(double share, Time now);
  // Smaller batches than the profile's (a misconfiguration); running sequences stay.
  void SetSequencesMax(int sequences_max, Time now);
  // Workers that are up; the requests of those that go down are appended to `lost`.
  void SetWorkers(int up, Time now, std::vector<std::uint32_t>* lost);
  void Crash(Time now, std::vector<std::uint32_t>* lost) { SetWorkers(0, now, lost); }

  std::uint32_t running() const { return running_; }  // In a batch.
  std::uint32_t waiting() const { return waiting_; }  // Queued inside the engine.
  int workers_up() const { return workers_up_; }
  double capacity() const { return capacity_; }
  int sequences_max() const { return sequences_max_ * workers_up_; }
  double free_cache_share() const;
  double OutputTokens(Time now) const;  // Produced so far, of all requests.
  const EngineProfile& profile() const { return profile_; }

 private:
  enum class Stage : std::uint8_t { kAbsent, kWaiting, kPrefill, kDecode };

  struct Request {
    Stage stage = Stage::kAbsent;
    std::uint16_t worker = 0;
    std::uint32_t serial = 0;  // Tells a slot's lives apart in heap and queues.
    std::uint32_t prompt_tokens = 0;
    std::uint32_t output_tokens = 0;
    double end_step = 0;  // Of the worker's clock; while decoding.
  };

  struct Entry {  // Of a heap or a queue; stale when the serial has moved on.
    double end_step;
    std::uint32_t serial;
    std::uint32_t slot;
  };

  struct Worker {
    double step = 0;                // Virtual clock, in steps.
    Time updated{};                 // When `step` was true.
    double next_step = 0;           // Of the next event,
    Time next_time = Time::max();   // when it comes,
    bool next_is_prefill = false;   // and whether it is the end of a prompt.
    std::uint32_t head_serial = 0;  // The prompt that is being prefilled,
    double head_left = 0;           // and its tokens still to do.
    double context_tokens = 0;      // Of decoding sequences.
    double produced = 0;            // Tokens, up to `updated`.
    std::int64_t reserved_tokens = 0;
    std::uint32_t decoding = 0;
    std::uint32_t prefilling = 0;
    std::uint32_t queued = 0;
    std::vector<Entry> ends;     // Heap of decoding sequences by end_step.
    std::deque<Entry> prefills;  // First come, first served.
    std::deque<Entry> arrivals;  // Wait for a place in the batch.
    std::uint32_t load() const { return decoding + prefilling + queued; }
  };

  bool IsLive(const Entry& entry) const { return requests_[entry.slot].serial == entry.serial; }
  double StepTime(const Worker& worker) const;
  double StepsUntil(const Worker& worker, Time now) const;
  void MoveTo(Worker& worker, double step, Time now);
  void FillBatch(Worker& worker);
  void PlanNext(Worker& worker);
  void Changed(Worker& worker);  // After its batch, queue or speed did: fills it and plans anew.
  void RunEvent(Worker& worker, std::vector<Event>& events);
  void EndPrefill(Worker& worker, std::vector<Event>& events);
  void EndDecode(Worker& worker, std::vector<Event>& events);
  void Forget(std::uint32_t slot);

  EngineProfile profile_;
  double capacity_ = 1;
  int sequences_max_;
  int workers_up_;
  std::uint32_t running_ = 0;
  std::uint32_t waiting_ = 0;
  std::uint32_t serial_ = 0;
  std::vector<Worker> workers_;
  std::vector<Request> requests_;  // By slot.
  Time next_event_ = Time::max();
};

}  // namespace holdfast::verdict
