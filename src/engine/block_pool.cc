#include "engine/block_pool.h"

#include <limits>

#include "base/check.h"

namespace holdfast::engine {

BlockPool::BlockPool(std::int64_t block_count) {
  CHECK(block_count > 0 && block_count <= std::numeric_limits<BlockId>::max());
  blocks_.resize(static_cast<std::size_t>(block_count));
  free_.reserve(blocks_.size());
  for (std::int64_t id = block_count - 1; id >= 0; --id) free_.push_back(static_cast<BlockId>(id));
}

std::size_t BlockPool::Index(BlockId block) const {
  CHECK_MSG(block >= 0 && static_cast<std::size_t>(block) < blocks_.size(), "block {} of {}", block,
            blocks_.size());
  return static_cast<std::size_t>(block);
}

std::optional<BlockId> BlockPool::Take() {
  if (free_.empty()) return std::nullopt;
  const BlockId id = free_.back();
  free_.pop_back();
  Block& block = blocks_[Index(id)];
  CHECK(block.references == 0 && !block.is_retained);
  block.references = 1;
  ++reference_count_;
  return id;
}

void BlockPool::AddReference(BlockId id) {
  Block& block = blocks_[Index(id)];
  CHECK_MSG(block.references > 0 || block.is_retained, "block {} is free", id);
  if (block.references == 0) --idle_count_;
  ++block.references;
  ++reference_count_;
}

void BlockPool::DropReference(BlockId id) {
  Block& block = blocks_[Index(id)];
  CHECK_MSG(block.references > 0, "block {} has no reference to drop", id);
  --reference_count_;
  if (--block.references > 0) return;
  if (block.is_retained) {
    ++idle_count_;
  } else {
    free_.push_back(id);
  }
}

void BlockPool::Retain(BlockId id) {
  Block& block = blocks_[Index(id)];
  CHECK_MSG(block.references > 0 && !block.is_retained, "block {} cannot be retained", id);
  block.is_retained = true;
}

void BlockPool::GiveUp(BlockId id) {
  Block& block = blocks_[Index(id)];
  CHECK_MSG(block.is_retained, "block {} is not retained", id);
  block.is_retained = false;
  if (block.references > 0) return;
  --idle_count_;
  free_.push_back(id);
}

void BlockPool::CheckInvariants() const {
  std::vector<bool> is_free(blocks_.size(), false);
  for (const BlockId id : free_) {
    CHECK_MSG(!is_free[Index(id)], "block {} is free twice", id);
    is_free[Index(id)] = true;
  }
  std::int64_t idle = 0;
  std::int64_t references = 0;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Block& block = blocks_[i];
    CHECK(block.references >= 0);
    CHECK_MSG(is_free[i] == (block.references == 0 && !block.is_retained),
              "block {} is lost or freed in use", i);
    idle += block.references == 0 && block.is_retained;
    references += block.references;
  }
  CHECK(idle == idle_count_);
  CHECK(references == reference_count_);
}

}  // namespace holdfast::engine
