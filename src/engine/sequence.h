// Sequence: one accepted request on its way through the engine. Made by Submit, then owned by the
// scheduler and touched by the engine thread alone; only `channel` is shared with the reader.
//
// Invariants: tokens is the prompt followed by the answer so far; the cache holds positions
// [0, computed) in `block_table`, whose first `published` blocks are full and known to the prefix
// cache; computed < tokens.size() between steps.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/block_pool.h"
#include "engine/engine.h"
#include "engine/sampler.h"
#include "engine/token_stream.h"

namespace holdfast::engine {

using TimePoint = std::chrono::steady_clock::time_point;

struct Sequence {
  Sequence(Request request, std::uint64_t seed, std::shared_ptr<TokenChannel> reader, TimePoint now)
      : caller(std::move(request.caller)),
        tokens(std::move(request.prompt)),
        prompt_count(static_cast<std::int64_t>(tokens.size())),
        token_count_max(prompt_count + request.max_tokens),
        stop_ids(std::move(request.stop_ids)),
        deadline(request.deadline),
        sampler(request.sampling, seed, tokens),
        channel(std::move(reader)),
        submitted_at(now) {
    usage.prompt_tokens = prompt_count;
  }

  std::int64_t token_count() const { return static_cast<std::int64_t>(tokens.size()); }
  std::int64_t answer_count() const { return token_count() - prompt_count; }
  // Tokens whose latents are not in the cache yet. 1: the sequence decodes, more: it prefills.
  std::int64_t pending_count() const { return token_count() - computed; }

  // The request.
  std::string caller;
  std::vector<TokenId> tokens;
  std::int64_t prompt_count;
  std::int64_t token_count_max;
  std::vector<TokenId> stop_ids;
  std::optional<TimePoint> deadline;
  Sampler sampler;
  std::shared_ptr<TokenChannel> channel;

  // Kept by the scheduler.
  std::uint64_t arrival = 0;  // Rises with each Enqueue; the only priority there is.
  std::int64_t computed = 0;
  std::vector<BlockId> block_table;
  std::int64_t published = 0;

  // For usage and metrics.
  Usage usage;
  TimePoint submitted_at;
  bool was_admitted = false;
};

}  // namespace holdfast::engine
