// Scheduler: decides who computes what in each step, and owns the sequences and the blocks of the
// latent cache. Pure decisions on facts and a time passed in: no thread, no clock, no model, so a
// simulation drives it. Single-threaded.
//
// Age is the only priority. Sequences are admitted first come, first served; running ones are
// served oldest first; when blocks run out, the youngest running sequence gives back its own and
// waits, at its place by age, to be computed again.
//   - Running sequences that decode get their token before prefills share what is left of
//     `step_tokens_max`, or less where the caller wants short steps; long prompts take several.
//   - A sequence without room for even one position stalls for the step if it is the youngest;
//     else it takes the youngest one's blocks.
//   - A waiting sequence is admitted when there are blocks for all its tokens, for the known tokens
//     of the running ones, and one more for each of those.
//
// Nobody starves: every running sequence is older than every waiting one (invariant, CHECKed), so
// nobody is overtaken; each step computes at least one position of the oldest sequence, which is
// never preempted, and which fits the cache alone (FitsAlone). A sequence is thus done after at
// most as many steps as it and those older than it have positions, all together.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "engine/prefix_cache.h"
#include "engine/sequence.h"

namespace holdfast::engine {

struct SchedulerLimits {
  std::int64_t running_max = 64;
  std::int64_t step_tokens_max = 512;  // >= running_max.
  std::int64_t block_count = 0;
  std::int64_t block_tokens = 32;
};

// `count` positions of a sequence to compute in this step, from sequence->computed on.
struct ScheduledSlice {
  Sequence* sequence;
  std::int64_t count;
  // The slice reaches the last known token: its logits give the next one.
  bool gives_token;
};

struct EndedSequence {
  std::unique_ptr<Sequence> sequence;
  FinishReason reason;
};

struct StepPlan {
  std::vector<ScheduledSlice> slices;  // Oldest first.
  std::vector<EndedSequence> ended;    // Cancelled or late; their blocks are free already.
  std::vector<Sequence*> admitted;     // For the first time.
  std::int64_t prefill_tokens = 0;
  std::int64_t preempted_count = 0;
};

class Scheduler {
 public:
  Scheduler(const SchedulerLimits& limits, std::uint64_t hash_seed);

  // Whether a sequence of so many tokens fits the cache when it runs alone. Its last token's
  // position is never computed. The caller of Enqueue has checked it.
  bool FitsAlone(std::int64_t token_count) const;
  void Enqueue(std::unique_ptr<Sequence> sequence);

  // While any sequence decodes, prefills get at most `prefill_tokens_max` (>= 1) of the step.
  StepPlan Schedule(TimePoint now, std::int64_t prefill_tokens_max);
  // The slice was computed: its positions are in the cache.
  void Advance(const ScheduledSlice& slice);
  // Takes a running sequence out and frees its blocks. With `is_sound` false (the model failed on
  // it) the prefix cache forgets them too.
  std::unique_ptr<Sequence> End(Sequence& sequence, bool is_sound = true);
  // Takes out every sequence, running and waiting.
  std::vector<std::unique_ptr<Sequence>> EndAll();

  bool is_idle() const { return running_.empty() && waiting_.empty(); }
  std::int64_t running_count() const { return static_cast<std::int64_t>(running_.size()); }
  std::int64_t waiting_count() const { return static_cast<std::int64_t>(waiting_.size()); }
  const PrefixCache& cache() const { return cache_; }

  void CheckInvariants() const;

 private:
  void EndCancelledAndLate(TimePoint now, StepPlan& plan);
  std::int64_t TokensForPrefill(std::int64_t prefill_tokens_max) const;
  // Both leave in `prefill_tokens` what they did not use.
  void PlanRunning(std::int64_t& prefill_tokens, StepPlan& plan);
  void Admit(std::int64_t& prefill_tokens, StepPlan& plan);
  std::int64_t SecurePositions(Sequence& sequence, std::int64_t wanted, StepPlan& plan);
  void PlanSlice(Sequence& sequence, std::int64_t count, StepPlan& plan);
  void PreemptYoungest(StepPlan& plan);
  void Free(Sequence& sequence);
  std::int64_t BlocksFor(std::int64_t token_count) const;
  std::int64_t BlocksOwed() const;

  SchedulerLimits limits_;
  PrefixCache cache_;
  std::vector<std::unique_ptr<Sequence>> running_;  // Oldest first.
  std::deque<std::unique_ptr<Sequence>> waiting_;   // Oldest first, all younger than the running.
  std::uint64_t arrivals_ = 0;
};

}  // namespace holdfast::engine
