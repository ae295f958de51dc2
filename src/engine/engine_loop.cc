#include "engine/engine_loop.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

namespace holdfast::engine {
namespace {

double SecondsBetween(TimePoint from, TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

void EngineLoop::Step() {
  StepPlan plan = Schedule();
  Forward(plan);
  std::vector<Sampled> sampled = Sample(plan);
  Commit(plan, std::move(sampled));
}

// Who computes how much; the cancelled and the late leave here.
StepPlan EngineLoop::Schedule() {
  step_began_ = clock_();
  StepPlan plan = scheduler_.Schedule(step_began_, pacer_.allowed_tokens());
  for (const EndedSequence& ended : plan.ended) Report(*ended.sequence, ended.reason);
  for (const Sequence* sequence : plan.admitted) {
    metrics_.queue_wait_seconds.Observe(SecondsBetween(sequence->submitted_at, step_began_));
    metrics_.prompt_tokens.Add(static_cast<double>(sequence->usage.prompt_tokens));
    metrics_.cached_tokens.Add(static_cast<double>(sequence->usage.cached_tokens));
  }
  metrics_.preemptions.Add(static_cast<double>(plan.preempted_count));
  PostLoad(step_began_);
  return plan;
}

// Latents of every slice into the cache, one row of logits for each slice that gives a token.
void EngineLoop::Forward(const StepPlan& plan) {
  if (plan.slices.empty()) return;
  slices_.clear();
  std::size_t rows = 0;
  std::int64_t step_tokens = 0;
  for (const ScheduledSlice& slice : plan.slices) {
    const Sequence& sequence = *slice.sequence;
    slices_.push_back(
        {.tokens = std::span(sequence.tokens).subspan(sequence.computed, slice.count),
         .start = sequence.computed,
         .block_table = sequence.block_table,
         .logits = slice.gives_token ? model::Slice::Logits::kLast : model::Slice::Logits::kNone});
    rows += slice.gives_token;
    step_tokens += slice.count;
  }
  const std::size_t logits_count = rows * static_cast<std::size_t>(model_.config().vocab_size);
  if (logits_.size() < logits_count) logits_ = tensor::AlignedBuffer<float>(logits_count);
  model_.Forward(slices_, cache_, logits_.data(), forward_options_);
  metrics_.steps.Add();
  metrics_.step_tokens.Add(static_cast<double>(step_tokens));
}

// The next token of each sequence that has one coming; each by its own parameters and seed.
std::vector<EngineLoop::Sampled> EngineLoop::Sample(const StepPlan& plan) {
  const auto vocab_size = static_cast<std::size_t>(model_.config().vocab_size);
  std::vector<Sampled> sampled(plan.slices.size());
  std::span<const float> logits = logits_;
  for (std::size_t i = 0; i < plan.slices.size(); ++i) {
    if (!plan.slices[i].gives_token) continue;
    const Sequence& sequence = *plan.slices[i].sequence;
    sampled[i].token =
        sequence.sampler.Sample(logits.first(vocab_size), sequence.answer_count(), scratch_);
    sampled[i].is_sound = sampled[i].token.has_value();
    logits = logits.subspan(vocab_size);
  }
  return sampled;
}

// Makes the step's results facts: positions are cached, tokens are in the streams, ended sequences
// have given back their blocks.
void EngineLoop::Commit(StepPlan& plan, std::vector<Sampled> sampled) {
  const TimePoint now = clock_();
  for (std::size_t i = 0; i < plan.slices.size(); ++i) {
    scheduler_.Advance(plan.slices[i]);
    if (plan.slices[i].gives_token) {
      CommitToken(*plan.slices[i].sequence, std::move(sampled[i]), now);
    }
  }
  PostLoad(now);
  pacer_.Record(plan.prefill_tokens, now - step_began_);
  metrics_.step_seconds.Observe(SecondsBetween(step_began_, now));
}

void EngineLoop::CommitToken(Sequence& sequence, Sampled sampled, TimePoint now) {
  if (!sampled.is_sound) return End(sequence, FinishReason::kError);
  const TokenId token = sampled.token->id;
  sequence.tokens.push_back(token);
  sequence.sampler.Accept(token);
  ++sequence.usage.completion_tokens;
  metrics_.output_tokens.Add();
  ++step_output_count_;
  if (sequence.usage.completion_tokens == 1) {
    metrics_.first_token_seconds.Observe(SecondsBetween(sequence.submitted_at, now));
  }
  if (std::ranges::find(sequence.stop_ids, token) != sequence.stop_ids.end()) {
    return End(sequence, FinishReason::kStop);
  }
  if (!sequence.channel->Push(*std::move(sampled.token), sequence.usage)) {
    return End(sequence, FinishReason::kSlowReader);
  }
  if (sequence.token_count() == sequence.token_count_max) End(sequence, FinishReason::kLength);
}

void EngineLoop::End(Sequence& sequence, FinishReason reason) {
  const std::unique_ptr<Sequence> ended =
      scheduler_.End(sequence, /*is_sound=*/reason != FinishReason::kError);
  Report(*ended, reason);
}

void EngineLoop::Report(const Sequence& sequence, FinishReason reason) {
  metrics_.CountFinish(reason);
  sequence.channel->Finish(reason, sequence.usage);
}

EngineLoop::EngineLoop(model::Model& model, const EngineOptions& options, std::int64_t block_count,
                       std::uint64_t hash_seed, EngineMetrics metrics, Clock clock)
    : model_(model),
      forward_options_{.deterministic = options.deterministic},
      metrics_(metrics),
      clock_(std::move(clock)),
      scheduler_({.running_max = options.running_max,
                  .step_tokens_max = options.step_tokens_max,
                  .block_count = block_count,
                  .block_tokens = options.block_tokens},
                 hash_seed),
      pacer_(options.step_tokens_max, options.step_target),
      cache_(model.config(), {.block_tokens = options.block_tokens, .block_count = block_count}) {
  metrics_.blocks_total.Set(static_cast<double>(block_count));
  PostLoad(clock_());
}

void EngineLoop::Enqueue(std::unique_ptr<Sequence> sequence) {
  scheduler_.Enqueue(std::move(sequence));
  PostLoad(clock_());
}

void EngineLoop::EndAll(FinishReason reason) {
  for (const std::unique_ptr<Sequence>& sequence : scheduler_.EndAll()) {
    Report(*sequence, reason);
  }
  PostLoad(clock_());
}

void EngineLoop::PostLoad(TimePoint now) {
  const Load load = {.running = scheduler_.running_count(),
                     .waiting = scheduler_.waiting_count(),
                     .blocks_free = scheduler_.cache().available_count(),
                     .blocks_total = scheduler_.cache().pool().total_count()};
  load_board_.Post(load, now, std::exchange(step_output_count_, 0));
  metrics_.running.Set(static_cast<double>(load.running));
  metrics_.waiting.Set(static_cast<double>(load.waiting));
  metrics_.blocks_free.Set(static_cast<double>(load.blocks_free));
}

}  // namespace holdfast::engine
