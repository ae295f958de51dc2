// BPE trainer: learns the merges of a byte-level BPE tokenizer from word counts.
// Idea: every distinct word (pre-token) is kept once, as a list of symbols, with its count. The
// most frequent adjacent pair is merged, only the words that hold it are visited, and the counts
// of their pairs are corrected; a heap with stale entries gives the next best pair.
// Ties go to the pair with the smaller ids, so equal counts give equal merges on every machine.
// Free functions; thread-compatible.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"

namespace holdfast::trainer {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};
using WordCounts = std::unordered_map<std::string, std::int64_t, StringHash, std::equal_to<>>;

struct BpeOptions {
  std::int64_t merge_count_max = 0;
  // A pair seen less often is not worth an entry.
  std::int64_t pair_count_min = 2;
  // Digits stay single tokens, so that arithmetic sees every digit at its place.
  bool are_digits_merged = false;
  // Longer words (base64, rulers of dashes) are left out of the count.
  std::size_t word_bytes_max = 64;
};

struct BpeMerges {
  // Merge i joins two symbols into symbol 256 + i; symbols below 256 are the bytes.
  std::vector<std::pair<std::int32_t, std::int32_t>> merges;
  // Bytes of every symbol, 256 + merges.size() of them.
  std::vector<std::string> symbols;
};

// Fewer merges than asked for come back when no pair is frequent enough.
// Errors: kOutOfRange (merge_count_max over kMergeCountLimit), kInvalidArgument (no words).
inline constexpr std::int64_t kMergeCountLimit = 1 << 20;
[[nodiscard]] Result<BpeMerges> TrainBpe(const WordCounts& words, const BpeOptions& options);

// The printable alphabet in which files write bytes (GPT-2's table): byte -> UTF-8 text.
const std::array<std::string, 256>& ByteAlphabet();
std::string ToByteAlphabet(std::string_view bytes);

}  // namespace holdfast::trainer
