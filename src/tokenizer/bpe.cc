#include "tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <queue>

#include "base/check.h"

namespace holdfast::tokenizer {
namespace {

// Up to here scanning all pairs each round is faster than the heap (English and code pieces are
// under 20 bytes).
constexpr std::size_t kShortPieceBytes = 48;
constexpr std::uint32_t kNoRank = std::numeric_limits<std::uint32_t>::max();

std::uint64_t Mix(std::uint64_t value) {
  value *= 0x9E3779B97F4A7C15ull;
  return value ^ value >> 32;
}

std::uint64_t HashBytes(std::string_view bytes) {
  std::uint64_t hash = bytes.size();
  while (bytes.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    hash = Mix(hash ^ word);
    bytes.remove_prefix(8);
  }
  std::uint64_t tail = 0;
  std::memcpy(&tail, bytes.data(), bytes.size());
  return Mix(hash ^ tail);
}

}  // namespace

Bpe::Bpe(std::size_t merge_count)
    : merges_(std::bit_ceil(merge_count * 2 + 2)), merge_mask_(merges_.size() - 1) {
  byte_ids_.fill(-1);
  ReserveWhole(0);
}

void Bpe::AddMerge(Id left, Id right, Id merged) {
  CHECK(next_rank_ * 2 < merges_.size());
  const std::uint64_t pair = Key(left, right);
  std::size_t slot = Mix(pair) & merge_mask_;
  while (merges_[slot].pair != kNoPair) {
    if (merges_[slot].pair == pair) return;
    slot = (slot + 1) & merge_mask_;
  }
  merges_[slot] = {pair, next_rank_++, merged};
}

const Bpe::Merge* Bpe::FindMerge(Id left, Id right) const {
  const std::uint64_t pair = Key(left, right);
  std::size_t slot = Mix(pair) & merge_mask_;
  while (merges_[slot].pair != kNoPair) {
    if (merges_[slot].pair == pair) return &merges_[slot];
    slot = (slot + 1) & merge_mask_;
  }
  return nullptr;
}

void Bpe::ReserveWhole(std::size_t count) {
  wholes_.assign(std::bit_ceil(count * 2 + 2), {});
  whole_mask_ = wholes_.size() - 1;
}

void Bpe::AddWhole(std::string_view bytes, Id id) {
  std::size_t slot = HashBytes(bytes) & whole_mask_;
  std::size_t probes = 0;
  while (wholes_[slot].id >= 0) {
    if (wholes_[slot].bytes == bytes) return;
    CHECK(++probes < wholes_.size() / 2 + 1);
    slot = (slot + 1) & whole_mask_;
  }
  wholes_[slot] = {bytes, id};
}

Bpe::Id Bpe::FindWhole(std::string_view bytes) const {
  std::size_t slot = HashBytes(bytes) & whole_mask_;
  while (wholes_[slot].id >= 0) {
    if (wholes_[slot].bytes == bytes) return wholes_[slot].id;
    slot = (slot + 1) & whole_mask_;
  }
  return -1;
}

void Bpe::Encode(std::string_view piece, std::vector<Id>& ids) const {
  const Id whole = FindWhole(piece);
  if (whole >= 0) {
    ids.push_back(whole);
  } else {
    EncodeByMerges(piece, ids);
  }
}

void Bpe::EncodeByMerges(std::string_view piece, std::vector<Id>& ids) const {
  if (piece.size() <= kShortPieceBytes) {
    EncodeShort(piece, ids);
  } else {
    EncodeLong(piece, ids);
  }
}

void Bpe::EncodeShort(std::string_view piece, std::vector<Id>& ids) const {
  if (piece.empty()) return;
  // pairs[i] is the merge of symbols i and i + 1.
  std::array<Id, kShortPieceBytes> symbols;
  std::array<std::uint32_t, kShortPieceBytes> ranks;
  std::array<Id, kShortPieceBytes> merged;
  std::size_t count = piece.size();
  for (std::size_t i = 0; i < count; ++i) {
    symbols[i] = byte_ids_[static_cast<unsigned char>(piece[i])];
  }
  const auto look_up = [&](std::size_t i) {
    const Merge* merge = FindMerge(symbols[i], symbols[i + 1]);
    ranks[i] = merge != nullptr ? merge->rank : kNoRank;
    merged[i] = merge != nullptr ? merge->merged : 0;
  };
  for (std::size_t i = 0; i + 1 < count; ++i) look_up(i);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (ranks[i] < ranks[best]) best = i;
    }
    if (ranks[best] == kNoRank) break;
    symbols[best] = merged[best];
    for (std::size_t i = best + 1; i + 1 < count; ++i) {
      symbols[i] = symbols[i + 1];
      ranks[i] = ranks[i + 1];
      merged[i] = merged[i + 1];
    }
    --count;
    // Pair best + 1 moved down with its symbols and stands; the two around the new symbol do not.
    if (best + 1 < count) look_up(best);
    if (best > 0) look_up(best - 1);
  }
  ids.insert(ids.end(), symbols.begin(), symbols.begin() + count);
}

void Bpe::EncodeLong(std::string_view piece, std::vector<Id>& ids) const {
  CHECK(piece.size() < std::numeric_limits<std::uint32_t>::max());
  constexpr std::uint32_t kEnd = std::numeric_limits<std::uint32_t>::max();
  struct Symbol {
    Id id;  // -1: merged into its left neighbour.
    std::uint32_t previous;
    std::uint32_t next;
  };
  struct Candidate {
    std::uint32_t rank;
    std::uint32_t at;  // Of the left symbol.
    Id left;
    Id right;
    Id merged;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  const auto count = static_cast<std::uint32_t>(piece.size());
  std::vector<Symbol> symbols(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    symbols[i] = {byte_ids_[static_cast<unsigned char>(piece[i])], i == 0 ? kEnd : i - 1,
                  i + 1 == count ? kEnd : i + 1};
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
  const auto offer = [&](std::uint32_t at) {
    if (at == kEnd || symbols[at].next == kEnd) return;
    const Id left = symbols[at].id;
    const Id right = symbols[symbols[at].next].id;
    const Merge* merge = FindMerge(left, right);
    if (merge != nullptr) heap.push({merge->rank, at, left, right, merge->merged});
  };
  for (std::uint32_t i = 0; i + 1 < count; ++i) offer(i);
  while (!heap.empty()) {
    const Candidate candidate = heap.top();
    heap.pop();
    Symbol& left = symbols[candidate.at];
    if (left.id != candidate.left || left.next == kEnd) continue;
    Symbol& right = symbols[left.next];
    if (right.id != candidate.right) continue;  // Out of date: a neighbour has merged since.
    left.id = candidate.merged;
    right.id = -1;
    left.next = right.next;
    if (left.next != kEnd) symbols[left.next].previous = candidate.at;
    offer(left.previous);
    offer(candidate.at);
  }
  for (const Symbol& symbol : symbols) {
    if (symbol.id >= 0) ids.push_back(symbol.id);
  }
}

}  // namespace holdfast::tokenizer
