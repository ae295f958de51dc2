#include "engine/prefix_cache.h"

#include <algorithm>
#include <ranges>

#include "base/check.h"

namespace holdfast::engine {
namespace {

// Folded 64x64-bit multiplication: every input bit reaches every output bit.
std::uint64_t Mix(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

PrefixCache::PrefixCache(std::int64_t block_count, std::int64_t block_tokens,
                         std::uint64_t hash_seed)
    : pool_(block_count),
      block_tokens_(block_tokens),
      hash_seed_(hash_seed),
      nodes_(static_cast<std::size_t>(block_count) + 1),
      tokens_(static_cast<std::size_t>(block_count * block_tokens)),
      idle_head_(static_cast<BlockId>(block_count)),
      index_(0, Hash{this}, Equal{this}) {
  CHECK(block_tokens > 0);
  nodes_[idle_head_].older = nodes_[idle_head_].newer = idle_head_;
}

std::size_t PrefixCache::Hash::operator()(const Key& key) const {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  std::uint64_t hash = Mix(cache->hash_seed_ ^ static_cast<std::uint32_t>(key.parent), kOdd);
  for (const TokenId token : key.tokens) {
    hash = Mix(hash ^ static_cast<std::uint32_t>(token), cache->hash_seed_ | 1) + kOdd;
  }
  return hash;
}

bool PrefixCache::Equal::operator()(const Key& a, const Key& b) const {
  return a.parent == b.parent && std::ranges::equal(a.tokens, b.tokens);
}

PrefixCache::Key PrefixCache::KeyOf(BlockId block) const {
  const auto count = static_cast<std::size_t>(block_tokens_);
  return {nodes_[block].parent, {tokens_.data() + block * count, count}};
}

std::optional<PrefixCache::NodeName> PrefixCache::FindRoot(const std::string& caller) const {
  const auto place = root_of_caller_.find(caller);
  if (place == root_of_caller_.end()) return std::nullopt;
  return -1 - place->second;
}

PrefixCache::NodeName PrefixCache::FindOrMakeRoot(const std::string& caller) {
  if (const auto root = FindRoot(caller)) return *root;
  std::int32_t index = static_cast<std::int32_t>(roots_.size());
  if (unused_roots_.empty()) {
    roots_.emplace_back();
  } else {
    index = unused_roots_.back();
    unused_roots_.pop_back();
  }
  roots_[index] = {caller, 0};
  root_of_caller_.emplace(caller, index);
  return -1 - index;
}

std::int32_t& PrefixCache::ChildCount(NodeName name) {
  return name >= 0 ? nodes_[name].child_count : roots_[-1 - name].child_count;
}

std::optional<BlockId> PrefixCache::Take() {
  if (pool_.free_count() == 0 && pool_.idle_count() > 0) {
    // The oldest idle node: nodes_[head].newer, as the ring's head is older than all.
    Forget(nodes_[idle_head_].newer);
  }
  return pool_.Take();
}

std::vector<BlockId> PrefixCache::Match(const std::string& caller, std::span<const TokenId> tokens,
                                        std::int64_t blocks_max) {
  std::vector<BlockId> run;
  if (caller.empty()) return run;
  const auto root = FindRoot(caller);
  if (!root) return run;
  NodeName parent = *root;
  const auto count = static_cast<std::size_t>(block_tokens_);
  while (static_cast<std::int64_t>(run.size()) < blocks_max && tokens.size() >= count) {
    const auto place = index_.find(Key{parent, tokens.first(count)});
    if (place == index_.end()) break;
    AddReference(*place);
    run.push_back(*place);
    parent = *place;
    tokens = tokens.subspan(count);
  }
  return run;
}

BlockId PrefixCache::Publish(const std::string& caller, std::optional<BlockId> parent,
                             std::span<const TokenId> tokens, BlockId block) {
  CHECK(static_cast<std::int64_t>(tokens.size()) == block_tokens_);
  if (caller.empty()) return block;
  const NodeName parent_name = parent ? *parent : FindOrMakeRoot(caller);
  CHECK(!parent || pool_.is_retained(*parent));
  if (const auto place = index_.find(Key{parent_name, tokens}); place != index_.end()) {
    AddReference(*place);
    pool_.DropReference(block);
    return *place;
  }
  nodes_[block] = {.parent = parent_name};
  std::ranges::copy(tokens, tokens_.begin() + block * block_tokens_);
  ++ChildCount(parent_name);
  pool_.Retain(block);
  index_.insert(block);
  return block;
}

// From the tail, so that descendants are older in the list of idle nodes than their ancestors.
void PrefixCache::Release(std::span<const BlockId> table) {
  for (const BlockId block : std::views::reverse(table)) {
    pool_.DropReference(block);
    if (pool_.is_retained(block) && pool_.references(block) == 0) LinkAsNewest(block);
  }
}

void PrefixCache::ReleaseAndForget(std::span<const BlockId> table) {
  for (const BlockId block : std::views::reverse(table)) {
    Release({&block, 1});
    const bool is_idle = pool_.is_retained(block) && pool_.references(block) == 0;
    if (is_idle && nodes_[block].child_count == 0) Forget(block);
  }
}

void PrefixCache::AddReference(BlockId block) {
  if (pool_.references(block) == 0) Unlink(block);
  pool_.AddReference(block);
}

void PrefixCache::Forget(BlockId block) {
  CHECK_MSG(nodes_[block].child_count == 0, "block {} leaves before its descendants", block);
  CHECK(pool_.references(block) == 0);
  index_.erase(block);
  Unlink(block);
  pool_.GiveUp(block);
  const NodeName parent = nodes_[block].parent;
  if (--ChildCount(parent) == 0 && parent < 0) {
    root_of_caller_.erase(roots_[-1 - parent].caller);
    unused_roots_.push_back(-1 - parent);
  }
}

void PrefixCache::LinkAsNewest(BlockId block) {
  Node& head = nodes_[idle_head_];
  nodes_[block].older = head.older;
  nodes_[block].newer = idle_head_;
  nodes_[head.older].newer = block;
  head.older = block;
}

void PrefixCache::Unlink(BlockId block) {
  nodes_[nodes_[block].older].newer = nodes_[block].newer;
  nodes_[nodes_[block].newer].older = nodes_[block].older;
}

void PrefixCache::CheckInvariants() const {
  pool_.CheckInvariants();
  std::int64_t idle = 0;
  for (BlockId at = nodes_[idle_head_].newer; at != idle_head_; at = nodes_[at].newer) {
    CHECK(pool_.is_retained(at) && pool_.references(at) == 0);
    ++idle;
  }
  CHECK(idle == pool_.idle_count());
  std::vector<std::int32_t> block_children(nodes_.size());
  std::vector<std::int32_t> root_children(roots_.size());
  for (const BlockId block : index_) {
    CHECK(pool_.is_retained(block));
    const NodeName parent = nodes_[block].parent;
    ++(parent >= 0 ? block_children[parent] : root_children[-1 - parent]);
    if (parent < 0) continue;
    CHECK(pool_.is_retained(parent));
    CHECK_MSG(pool_.references(parent) >= pool_.references(block), "block {} held without {}",
              block, parent);
  }
  for (const BlockId block : index_) CHECK(block_children[block] == nodes_[block].child_count);
  for (std::size_t i = 0; i < roots_.size(); ++i) {
    const auto place = root_of_caller_.find(roots_[i].caller);
    const bool is_live =
        place != root_of_caller_.end() && place->second == static_cast<std::int32_t>(i);
    CHECK(root_children[i] == (is_live ? roots_[i].child_count : 0));
    CHECK(!is_live || root_children[i] > 0);
  }
}

}  // namespace holdfast::engine
