#include "engine/block_pool.h"

#include <set>

#include <gtest/gtest.h>

namespace holdfast::engine {
namespace {

TEST(BlockPool, HandsOutEachBlockOnceAndThenNone) {
  BlockPool pool(3);
  std::set<BlockId> taken;
  for (int i = 0; i < 3; ++i) taken.insert(pool.Take().value());
  EXPECT_EQ(taken, (std::set<BlockId>{0, 1, 2}));
  EXPECT_FALSE(pool.Take().has_value());
  pool.CheckInvariants();
}

TEST(BlockPool, BlockIsFreeAfterItsLastReference) {
  BlockPool pool(1);
  const BlockId block = pool.Take().value();
  pool.AddReference(block);
  pool.DropReference(block);
  EXPECT_EQ(pool.free_count(), 0);
  pool.DropReference(block);
  EXPECT_EQ(pool.free_count(), 1);
  pool.CheckInvariants();
}

TEST(BlockPool, RetainedBlockIsIdleUntilGivenUp) {
  BlockPool pool(2);
  const BlockId block = pool.Take().value();
  pool.Retain(block);
  pool.DropReference(block);
  EXPECT_EQ(pool.idle_count(), 1);
  EXPECT_EQ(pool.free_count(), 1);
  pool.AddReference(block);
  EXPECT_EQ(pool.idle_count(), 0);
  pool.CheckInvariants();
  pool.GiveUp(block);
  EXPECT_EQ(pool.free_count(), 1) << "still referenced";
  pool.DropReference(block);
  EXPECT_EQ(pool.free_count(), 2);
  pool.CheckInvariants();
}

TEST(BlockPoolDeathTest, MisuseDies) {
  BlockPool pool(2);
  EXPECT_DEATH(pool.DropReference(0), "no reference to drop");
  EXPECT_DEATH(pool.AddReference(0), "is free");
  EXPECT_DEATH(pool.Retain(1), "cannot be retained");
  EXPECT_DEATH(pool.GiveUp(1), "not retained");
  EXPECT_DEATH(pool.DropReference(2), "block 2 of 2");
}

}  // namespace
}  // namespace holdfast::engine
