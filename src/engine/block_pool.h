// BlockPool: who holds which block of the latent cache. A block is free, in use (one reference for
// each block table it is in), or retained (no references, but the prefix cache keeps its contents).
// Owned by the scheduler; single-threaded; knows ids only, not the memory.
//
// Invariants (CHECKed): free + in use + retained idle = total; a free block has no references and
// is not retained; references never fall below zero.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/latent_cache.h"

namespace holdfast::engine {

using model::BlockId;

class BlockPool {
 public:
  explicit BlockPool(std::int64_t block_count);

  // A free block with one reference; none if no block is free.
  std::optional<BlockId> Take();
  void AddReference(BlockId block);
  // Without references and not retained, the block is free.
  void DropReference(BlockId block);
  // The prefix cache's hold on a block; giving it up frees a block without references.
  void Retain(BlockId block);
  void GiveUp(BlockId block);

  std::int64_t references(BlockId block) const { return blocks_[Index(block)].references; }
  bool is_retained(BlockId block) const { return blocks_[Index(block)].is_retained; }

  std::int64_t total_count() const { return static_cast<std::int64_t>(blocks_.size()); }
  std::int64_t free_count() const { return static_cast<std::int64_t>(free_.size()); }
  // Retained blocks without references: evictable.
  std::int64_t idle_count() const { return idle_count_; }
  std::int64_t reference_count() const { return reference_count_; }

  // Recounts everything (tests; linear in the blocks).
  void CheckInvariants() const;

 private:
  struct Block {
    std::int32_t references = 0;
    bool is_retained = false;
  };
  std::size_t Index(BlockId block) const;

  std::vector<Block> blocks_;
  std::vector<BlockId> free_;  // A stack: the last freed is the warmest in the processor's cache.
  std::int64_t idle_count_ = 0;
  std::int64_t reference_count_ = 0;
};

}  // namespace holdfast::engine
