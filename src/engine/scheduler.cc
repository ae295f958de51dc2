#include "engine/scheduler.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace holdfast::engine {

Scheduler::Scheduler(const SchedulerLimits& limits, std::uint64_t hash_seed)
    : limits_(limits), cache_(limits.block_count, limits.block_tokens, hash_seed) {
  CHECK(limits.running_max > 0);
  CHECK(limits.step_tokens_max >= limits.running_max);
}

std::int64_t Scheduler::BlocksFor(std::int64_t token_count) const {
  return (token_count + limits_.block_tokens - 1) / limits_.block_tokens;
}

bool Scheduler::FitsAlone(std::int64_t token_count) const {
  return BlocksFor(token_count - 1) <= limits_.block_count;
}

void Scheduler::Enqueue(std::unique_ptr<Sequence> sequence) {
  CHECK(FitsAlone(sequence->token_count_max));
  sequence->arrival = ++arrivals_;
  waiting_.push_back(std::move(sequence));
}

StepPlan Scheduler::Schedule(TimePoint now, std::int64_t prefill_tokens_max) {
  CHECK(prefill_tokens_max > 0);
  StepPlan plan;
  EndCancelledAndLate(now, plan);
  const std::int64_t for_prefill = TokensForPrefill(prefill_tokens_max);
  std::int64_t left = for_prefill;
  PlanRunning(left, plan);
  // Who was just preempted must not take back what the older ones needed.
  if (plan.preempted_count == 0) Admit(left, plan);
  plan.prefill_tokens = for_prefill - left;
  CHECK(running_.empty() || plan.slices.front().sequence == running_.front().get());
  return plan;
}

std::int64_t Scheduler::TokensForPrefill(std::int64_t prefill_tokens_max) const {
  const std::int64_t decoding_count = std::ranges::count_if(
      running_, [](const auto& sequence) { return sequence->pending_count() == 1; });
  const std::int64_t left = limits_.step_tokens_max - decoding_count;
  return decoding_count == 0 ? left : std::min(left, prefill_tokens_max);
}

void Scheduler::EndCancelledAndLate(TimePoint now, StepPlan& plan) {
  const auto end_in = [&](auto& sequences) {
    auto kept = sequences.begin();
    for (auto& sequence : sequences) {
      const bool is_cancelled = sequence->channel->is_cancelled();
      if (is_cancelled || (sequence->deadline && *sequence->deadline <= now)) {
        Free(*sequence);
        plan.ended.push_back({std::move(sequence),
                              is_cancelled ? FinishReason::kCancelled : FinishReason::kDeadline});
      } else {
        if (&*kept != &sequence) *kept = std::move(sequence);
        ++kept;
      }
    }
    sequences.erase(kept, sequences.end());
  };
  end_in(running_);
  end_in(waiting_);
}

void Scheduler::PlanRunning(std::int64_t& prefill_tokens, StepPlan& plan) {
  // Preemption shortens running_ from behind, so those already planned stay.
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = *running_[i];
    const bool decodes = sequence.pending_count() == 1;
    const std::int64_t wanted = decodes ? 1 : std::min(sequence.pending_count(), prefill_tokens);
    const std::int64_t count = SecurePositions(sequence, wanted, plan);
    if (!decodes) prefill_tokens -= count;
    PlanSlice(sequence, count, plan);
  }
}

void Scheduler::Admit(std::int64_t& prefill_tokens, StepPlan& plan) {
  while (!waiting_.empty() && running_count() < limits_.running_max && prefill_tokens > 0) {
    Sequence& sequence = *waiting_.front();
    // At least one token is left to compute: its logits are wanted.
    std::vector<BlockId> cached = cache_.Match(sequence.caller, sequence.tokens,
                                               (sequence.token_count() - 1) / limits_.block_tokens);
    const std::int64_t needed = BlocksFor(sequence.token_count()) + BlocksOwed() + running_count() -
                                static_cast<std::int64_t>(cached.size());
    if (!running_.empty() && cache_.available_count() < needed) {
      cache_.Release(cached);
      return;
    }
    sequence.block_table = std::move(cached);
    sequence.published = static_cast<std::int64_t>(sequence.block_table.size());
    sequence.computed = sequence.published * limits_.block_tokens;
    if (!std::exchange(sequence.was_admitted, true)) {
      sequence.usage.cached_tokens = sequence.computed;
      plan.admitted.push_back(&sequence);
    }
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    const std::int64_t count =
        SecurePositions(sequence, std::min(sequence.pending_count(), prefill_tokens), plan);
    prefill_tokens -= count;
    PlanSlice(sequence, count, plan);
  }
}

// Extends the block table for up to `wanted` more positions; returns for how many there is room.
// Takes blocks from younger sequences only when not even one position has room.
std::int64_t Scheduler::SecurePositions(Sequence& sequence, std::int64_t wanted, StepPlan& plan) {
  std::vector<BlockId>& table = sequence.block_table;
  for (;;) {
    const std::int64_t room =
        static_cast<std::int64_t>(table.size()) * limits_.block_tokens - sequence.computed;
    if (room >= wanted) return wanted;
    if (const std::optional<BlockId> block = cache_.Take()) {
      table.push_back(*block);
    } else if (room > 0) {
      return room;
    } else if (running_.back().get() != &sequence) {
      PreemptYoungest(plan);
    } else {
      return 0;
    }
  }
}

void Scheduler::PlanSlice(Sequence& sequence, std::int64_t count, StepPlan& plan) {
  if (count == 0) return;
  plan.slices.push_back({&sequence, count, count == sequence.pending_count()});
}

void Scheduler::PreemptYoungest(StepPlan& plan) {
  Free(*running_.back());
  waiting_.push_front(std::move(running_.back()));
  running_.pop_back();
  ++plan.preempted_count;
}

void Scheduler::Free(Sequence& sequence) {
  cache_.Release(sequence.block_table);
  sequence.block_table.clear();
  sequence.published = 0;
  sequence.computed = 0;
}

// Blocks that the running sequences' known tokens need and do not have.
std::int64_t Scheduler::BlocksOwed() const {
  std::int64_t owed = 0;
  for (const auto& sequence : running_) {
    owed += BlocksFor(sequence->token_count()) -
            static_cast<std::int64_t>(sequence->block_table.size());
  }
  return owed;
}

void Scheduler::Advance(const ScheduledSlice& slice) {
  Sequence& sequence = *slice.sequence;
  sequence.computed += slice.count;
  CHECK(sequence.computed <= sequence.token_count());
  const std::span<const TokenId> tokens = sequence.tokens;
  std::vector<BlockId>& table = sequence.block_table;
  for (; (sequence.published + 1) * limits_.block_tokens <= sequence.computed;
       ++sequence.published) {
    const std::int64_t at = sequence.published;
    table[at] =
        cache_.Publish(sequence.caller, at > 0 ? std::optional(table[at - 1]) : std::nullopt,
                       tokens.subspan(at * limits_.block_tokens, limits_.block_tokens), table[at]);
  }
}

std::unique_ptr<Sequence> Scheduler::End(Sequence& sequence, bool is_sound) {
  const auto place = std::ranges::find(running_, &sequence, &std::unique_ptr<Sequence>::get);
  CHECK(place != running_.end());
  std::unique_ptr<Sequence> ended = std::move(*place);
  running_.erase(place);
  if (!is_sound) {
    cache_.ReleaseAndForget(ended->block_table);
    ended->block_table.clear();
  }
  Free(*ended);
  return ended;
}

std::vector<std::unique_ptr<Sequence>> Scheduler::EndAll() {
  std::vector<std::unique_ptr<Sequence>> ended;
  for (auto& sequence : running_) ended.push_back(std::move(sequence));
  for (auto& sequence : waiting_) ended.push_back(std::move(sequence));
  running_.clear();
  waiting_.clear();
  for (auto& sequence : ended) Free(*sequence);
  return ended;
}

void Scheduler::CheckInvariants() const {
  cache_.CheckInvariants();
  std::int64_t references = 0;
  std::uint64_t last_arrival = 0;
  for (const auto& sequence : running_) {
    CHECK(sequence->arrival > last_arrival);
    last_arrival = sequence->arrival;
    references += static_cast<std::int64_t>(sequence->block_table.size());
    CHECK(sequence->computed < sequence->token_count());
    CHECK(BlocksFor(sequence->computed) <= static_cast<std::int64_t>(sequence->block_table.size()));
  }
  for (const auto& sequence : waiting_) {
    CHECK(sequence->arrival > last_arrival);
    last_arrival = sequence->arrival;
    CHECK(sequence->block_table.empty() && sequence->computed == 0);
  }
  CHECK_MSG(references == cache_.pool().reference_count(), "{} table entries, {} references",
            references, cache_.pool().reference_count());
}

}  // namespace holdfast::engine
