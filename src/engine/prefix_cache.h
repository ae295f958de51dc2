// PrefixCache: full blocks of the latent cache, found again by a later request of the same caller
// whose tokens begin alike. The gate to the block pool: blocks are taken and released here.
// Owned by the scheduler; single-threaded.
//
// A block's contents depend on its tokens and on everything before them, so cached blocks form one
// tree per caller: a node is (parent node, the block's tokens). Parents are compared by identity
// and tokens one by one; the hash only finds candidates. So a hit is exact, and a node of one
// caller can never be reached from another caller's root. The empty caller has no tree.
//
// Blocks in no block table stay in the tree while nobody needs the room; then the least recently
// used goes first. Invariants (CHECKed): whoever holds a node holds its ancestors; a node is
// evicted after its descendants. Limits: the tree holds at most the pool's blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/block_pool.h"
#include "engine/engine.h"

namespace holdfast::engine {

class PrefixCache {
 public:
  // `hash_seed` should be unpredictable: callers choose the tokens that are hashed.
  PrefixCache(std::int64_t block_count, std::int64_t block_tokens, std::uint64_t hash_seed);

  // A block with one reference, evicting if need be; none if every block is in use.
  std::optional<BlockId> Take();

  // The longest cached run of at most `blocks_max` full blocks that `tokens` begins with, one
  // reference on each.
  std::vector<BlockId> Match(const std::string& caller, std::span<const TokenId> tokens,
                             std::int64_t blocks_max);

  // Makes `block`, which now holds `tokens` (a full block) after the blocks ending in `parent`
  // (none: at the start), findable for `caller`. Returns the block to use from now on: `block`, or
  // the one already there with equal contents, in which case the reference on `block` was dropped
  // for one on that.
  BlockId Publish(const std::string& caller, std::optional<BlockId> parent,
                  std::span<const TokenId> tokens, BlockId block);

  // Drops one reference on each block of a block table.
  void Release(std::span<const BlockId> table);
  // The same, and forgets those nobody else uses (their contents are in doubt).
  void ReleaseAndForget(std::span<const BlockId> table);

  // Blocks that Take could give.
  std::int64_t available_count() const { return pool_.free_count() + pool_.idle_count(); }
  const BlockPool& pool() const { return pool_; }

  void CheckInvariants() const;

 private:
  // A node's name in `parent` fields: a block id, or -1 - index of a caller's root. A root or a
  // block with children is never removed, so the name cannot come to mean something else.
  using NodeName = std::int32_t;

  struct Node {
    NodeName parent = 0;
    std::int32_t child_count = 0;
    // Neighbours in the list of idle nodes; a ring through `idle_head_`.
    BlockId older = 0;
    BlockId newer = 0;
  };
  struct Root {
    std::string caller;
    std::int32_t child_count = 0;
  };
  struct Key {
    NodeName parent;
    std::span<const TokenId> tokens;
  };
  struct Hash {
    using is_transparent = void;
    const PrefixCache* cache;
    std::size_t operator()(const Key& key) const;
    std::size_t operator()(BlockId block) const { return (*this)(cache->KeyOf(block)); }
  };
  struct Equal {
    using is_transparent = void;
    const PrefixCache* cache;
    bool operator()(const Key& a, const Key& b) const;
    bool operator()(const Key& a, BlockId b) const { return (*this)(a, cache->KeyOf(b)); }
    bool operator()(BlockId a, const Key& b) const { return (*this)(cache->KeyOf(a), b); }
    bool operator()(BlockId a, BlockId b) const { return a == b; }
  };

  Key KeyOf(BlockId block) const;
  std::optional<NodeName> FindRoot(const std::string& caller) const;
  NodeName FindOrMakeRoot(const std::string& caller);
  std::int32_t& ChildCount(NodeName name);
  void AddReference(BlockId block);
  void Forget(BlockId block);
  void LinkAsNewest(BlockId block);
  void Unlink(BlockId block);

  BlockPool pool_;
  std::int64_t block_tokens_;
  std::uint64_t hash_seed_;
  std::vector<Node> nodes_;      // By block id; one more, the head of the ring.
  std::vector<TokenId> tokens_;  // By block id, [block_count, block_tokens].
  BlockId idle_head_;
  std::vector<Root> roots_;
  std::vector<std::int32_t> unused_roots_;
  std::unordered_map<std::string, std::int32_t> root_of_caller_;
  std::unordered_set<BlockId, Hash, Equal> index_;
};

}  // namespace holdfast::engine
