// EngineLoop: the engine without its thread. Each Step takes every running sequence one slice
// forward: Schedule, Forward, Sample, Commit. Owns the latent cache's memory and, through the
// scheduler, the sequences. Single-threaded but for load(); waits on nothing; time comes from the
// clock it is given, so a simulation runs it as fast as it can.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/engine.h"
#include "engine/engine_metrics.h"
#include "engine/load_board.h"
#include "engine/prefill_pacer.h"
#include "engine/scheduler.h"
#include "model/latent_cache.h"
#include "tensor/aligned_buffer.h"

namespace holdfast::engine {

class EngineLoop {
 public:
  using Clock = std::function<TimePoint()>;

  // `options` passed Engine::Start's checks; `hash_seed` as in PrefixCache.
  EngineLoop(model::Model& model, const EngineOptions& options, std::int64_t block_count,
             std::uint64_t hash_seed, EngineMetrics metrics, Clock clock);

  // The sequence passed Submit's checks.
  void Enqueue(std::unique_ptr<Sequence> sequence);
  void Step();
  // Ends every sequence with `reason`.
  void EndAll(FinishReason reason);

  bool is_idle() const { return scheduler_.is_idle(); }
  // Any thread may ask.
  Load load() const { return load_board_.Read(clock_()); }
  const Scheduler& scheduler() const { return scheduler_; }

 private:
  // What sampling gave for one slice: nothing for a slice that gives no token.
  struct Sampled {
    bool is_sound = true;
    std::optional<TokenEvent> token;
  };

  StepPlan Schedule();
  void Forward(const StepPlan& plan);
  std::vector<Sampled> Sample(const StepPlan& plan);
  void Commit(StepPlan& plan, std::vector<Sampled> sampled);

  void PostLoad(TimePoint now);
  void CommitToken(Sequence& sequence, Sampled sampled, TimePoint now);
  void End(Sequence& sequence, FinishReason reason);
  void Report(const Sequence& sequence, FinishReason reason);

  model::Model& model_;
  model::ForwardOptions forward_options_;
  EngineMetrics metrics_;
  Clock clock_;
  Scheduler scheduler_;
  PrefillPacer pacer_;
  model::LatentCache cache_;
  LoadBoard load_board_;
  TimePoint step_began_;
  std::int64_t step_output_count_ = 0;
  // Reused from step to step.
  std::vector<model::Slice> slices_;
  tensor::AlignedBuffer<float> logits_;  // [rows, vocab_size]
  Sampler::Scratch scratch_;
};

}  // namespace holdfast::engine
