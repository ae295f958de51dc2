// Held-out sets: a fixed sample of each, drawn once, on which a run measures itself in bits per
// byte, so that models with other vocabularies compare. Single-threaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "trainer/token_source.h"
#include "trainer/train_step.h"

namespace holdfast::trainer {

struct HeldoutSet {
  std::string name;
  PackedBatch batch;
  std::int64_t target_bytes = 0;  // Bytes of text of the targets.
};

struct HeldoutResult {
  std::string name;
  double loss = 0;           // Nats a target token.
  double bits_per_byte = 0;  // 0 when the targets hold no text.
  double mtp_loss = 0;
};

struct HeldoutOptions {
  std::int64_t tokens = 0;
  std::int64_t seq_len = 0;
  std::int64_t vocab_size = 0;  // The model's.
};

// The first `tokens` tokens (at least one row) of the shard, as rows of `seq_len`; rows after the
// shard's end are not repeated. Errors: those of OpenTokenSource.
[[nodiscard]] Result<HeldoutSet> LoadHeldout(const std::string& name,
                                             const std::filesystem::path& path,
                                             const HeldoutOptions& options);

// Each document sees itself alone, whatever the training stage does.
HeldoutResult MeasureHeldout(const HeldoutSet& set, TrainState& state, bool with_mtp);

}  // namespace holdfast::trainer
