// Model: weights ready to compute, and the forward pass over a batch of slices of sequences.
// Holds no policy: who is in the batch and which cache blocks a sequence has is the engine's part.
// Forward is called by one thread at a time; the pool's workers help. The checkpoint may be mapped
// and must outlive the model.
//
// Guarantee (batch invariance): the logits of a slice are bit-identical whatever else is in the
// batch. With ForwardOptions::deterministic they are also bit-identical however the sequence's
// prefill was cut into slices. Subnormal numbers count as zero (parallel/float_mode.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "model/config.h"
#include "model/latent_cache.h"
#include "parallel/thread_pool.h"
#include "weights/checkpoint.h"

namespace holdfast::model {

// One sequence's part of a batch: tokens at positions start .. start + tokens.size() - 1. Earlier
// positions are in the cache already.
struct Slice {
  std::span<const std::int32_t> tokens;
  std::int64_t start = 0;
  // Block of position p is block_table[p / block_tokens]; covers the slice's last position.
  std::span<const BlockId> block_table;
  enum class Logits : std::uint8_t { kNone, kLast, kAll } logits = Logits::kLast;
};

struct ForwardOptions {
  bool deterministic = false;
};

class Model {
 public:
  struct LoadOptions {
    // Forces the plain reference kernels (for tests and doubt).
    bool reference_kernels = false;
  };
  // Errors name the tensor and what was expected of it.
  [[nodiscard]] static Result<std::unique_ptr<Model>> Load(const weights::Checkpoint& checkpoint,
                                                           parallel::ThreadPool& pool,
                                                           const LoadOptions& options);
  virtual ~Model() = default;

  virtual const ModelConfig& config() const = 0;
  // Memory the weights take where Forward reads them (packed or mapped), in bytes.
  virtual std::size_t MemoryBytes() const = 0;

  // Computes the slices, writes their latents into `cache`, and the wanted rows of logits, slice
  // after slice, into `logits` [rows, vocab_size] (rows: 0, 1 or tokens.size() per slice).
  // Slices are of different sequences. Every argument is the caller's invariant (CHECKed).
  virtual void Forward(std::span<const Slice> slices, LatentCache& cache, float* logits,
                       const ForwardOptions& options) = 0;

  // Multi-token prediction (report, section 2.2), whole sequence without cache: row i predicts
  // token i + 2 from the main model's state at i and the embedding of token i + 1. Writes
  // [tokens.size() - 1, vocab_size]. kUnsupported when the model has no MTP module.
  [[nodiscard]] virtual Result<void> ForwardMtp(std::span<const std::int32_t> tokens,
                                                float* logits) = 0;
};

}  // namespace holdfast::model
