// Runs sequences through a model in whatever slices a test wants, and compares logits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/model.h"

namespace holdfast::parity {

using Logits = std::vector<float>;  // [rows, vocab]

// Random tokens below `vocab_size`.
std::vector<std::int32_t> RandomTokens(std::int64_t count, std::int64_t vocab_size,
                                       std::uint32_t seed);

struct RunOptions {
  std::int64_t block_tokens = 32;
  bool deterministic = false;
  bool shuffles_blocks = false;  // The block table in no order.
};

// All positions' logits, prefilled in slices of the given sizes (their sum is the token count).
Logits RunSlices(model::Model& model, std::span<const std::int32_t> tokens,
                 std::span<const std::int64_t> sizes, const RunOptions& options = {});

// In one slice.
Logits RunWhole(model::Model& model, std::span<const std::int32_t> tokens,
                const RunOptions& options = {});

struct Distance {
  double max = 0;  // Worst position's largest difference, over its largest wanted value.
  double rms = 0;  // Root mean square of all differences, over that of the wanted values.
};
Distance Compare(const Logits& got, const Logits& want, std::int64_t vocab_size);

}  // namespace holdfast::parity
