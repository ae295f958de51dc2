#include "trainer/data/bpe_trainer.h"

#include <algorithm>
#include <queue>

#include "base/check.h"

namespace holdfast::trainer {
namespace {

using Pair = std::uint64_t;  // Left symbol in the upper, right symbol in the lower half.

Pair MakePair(std::int32_t left, std::int32_t right) {
  return static_cast<Pair>(static_cast<std::uint32_t>(left)) << 32 |
         static_cast<std::uint32_t>(right);
}

struct Word {
  std::vector<std::int32_t> symbols;
  std::int64_t count;
};

struct Candidate {
  std::int64_t count;
  Pair pair;
  // Greatest count on top of the heap, then the smallest pair.
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

struct PairState {
  std::int64_t count = 0;
  std::vector<std::int32_t> words;  // Words that held the pair when it was counted; may be stale.
};

class MergeLearner {
 public:
  MergeLearner(const WordCounts& words, const BpeOptions& options) : options_(options) {
    for (int byte = 0; byte < 256; ++byte) {
      merges_.symbols.emplace_back(1, static_cast<char>(byte));
    }
    AddWords(words);
    for (std::size_t index = 0; index < words_.size(); ++index) {
      const Word& word = words_[index];
      for (std::size_t i = 0; i + 1 < word.symbols.size(); ++i) {
        Count(MakePair(word.symbols[i], word.symbols[i + 1]), word.count,
              static_cast<std::int32_t>(index));
      }
    }
    for (const auto& [pair, state] : pairs_) heap_.push({state.count, pair});
  }

  bool LearnOne() {
    while (!heap_.empty()) {
      const Candidate best = heap_.top();
      heap_.pop();
      const auto found = pairs_.find(best.pair);
      if (found == pairs_.end()) continue;
      if (found->second.count != best.count) {  // Stale: put it back with its true count.
        if (found->second.count >= options_.pair_count_min) {
          heap_.push({found->second.count, best.pair});
        }
        continue;
      }
      if (best.count < options_.pair_count_min) return false;
      Apply(best.pair);
      return true;
    }
    return false;
  }

  BpeMerges Take() { return std::move(merges_); }

 private:
  void AddWords(const WordCounts& words) {
    // Sorted, because the order of a hash table differs between libraries.
    std::vector<const WordCounts::value_type*> sorted;
    for (const auto& entry : words) {
      if (entry.first.size() >= 2 && entry.first.size() <= options_.word_bytes_max) {
        sorted.push_back(&entry);
      }
    }
    std::sort(sorted.begin(), sorted.end(),
              [](const auto* a, const auto* b) { return a->first < b->first; });
    words_.reserve(sorted.size());
    for (const auto* entry : sorted) {
      Word word{.symbols = {}, .count = entry->second};
      for (const char c : entry->first) word.symbols.push_back(static_cast<unsigned char>(c));
      words_.push_back(std::move(word));
    }
  }

  static bool IsDigit(std::int32_t symbol) { return symbol >= '0' && symbol <= '9'; }

  void Count(Pair pair, std::int64_t count, std::int32_t word) {
    if (!options_.are_digits_merged && (IsDigit(static_cast<std::int32_t>(pair >> 32)) ||
                                        IsDigit(static_cast<std::int32_t>(pair)))) {
      return;
    }
    PairState& state = pairs_[pair];
    state.count += count;
    if (count > 0 && (state.words.empty() || state.words.back() != word)) {
      state.words.push_back(word);
    }
  }

  void Apply(Pair pair) {
    const auto left = static_cast<std::int32_t>(pair >> 32);
    const auto right = static_cast<std::int32_t>(pair);
    const auto merged = static_cast<std::int32_t>(merges_.symbols.size());
    merges_.merges.emplace_back(left, right);
    merges_.symbols.push_back(merges_.symbols[left] + merges_.symbols[right]);

    const std::vector<std::int32_t> holders = std::move(pairs_[pair].words);
    touched_.clear();
    for (const std::int32_t index : holders) MergeIn(index, left, right, merged);
    pairs_.erase(pair);
    // Only grown counts need a new heap entry; fallen ones are corrected when they surface.
    for (const Pair grown : touched_) {
      if (const auto found = pairs_.find(grown); found != pairs_.end()) {
        heap_.push({found->second.count, grown});
      }
    }
  }

  void MergeIn(std::int32_t index, std::int32_t left, std::int32_t right, std::int32_t merged) {
    Word& word = words_[index];
    std::vector<std::int32_t>& symbols = word.symbols;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      if (symbols[i] != left || symbols[i + 1] != right) continue;
      if (i > 0) {
        Count(MakePair(symbols[i - 1], left), -word.count, index);
        Grow(MakePair(symbols[i - 1], merged), word.count, index);
      }
      if (i + 2 < symbols.size()) {
        Count(MakePair(right, symbols[i + 2]), -word.count, index);
        Grow(MakePair(merged, symbols[i + 2]), word.count, index);
      }
      symbols[i] = merged;
      symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    }
  }

  void Grow(Pair pair, std::int64_t count, std::int32_t word) {
    Count(pair, count, word);
    if (touched_.empty() || touched_.back() != pair) touched_.push_back(pair);
  }

  const BpeOptions& options_;
  std::vector<Word> words_;
  std::unordered_map<Pair, PairState> pairs_;
  std::priority_queue<Candidate> heap_;
  std::vector<Pair> touched_;
  BpeMerges merges_;
};

std::string EncodeCodePoint(std::uint32_t code) {
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  // The alphabet ends at U+0143, so two bytes are enough.
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

}  // namespace

Result<BpeMerges> TrainBpe(const WordCounts& words, const BpeOptions& options) {
  if (options.merge_count_max < 0 || options.merge_count_max > kMergeCountLimit) {
    return Fail(ErrorCode::kOutOfRange, "BPE: {} merges asked for, the limit is {}",
                options.merge_count_max, kMergeCountLimit);
  }
  if (words.empty()) return Fail(ErrorCode::kInvalidArgument, "BPE: no words to learn from");
  MergeLearner learner(words, options);
  for (std::int64_t merge = 0; merge < options.merge_count_max; ++merge) {
    if (!learner.LearnOne()) break;
  }
  return learner.Take();
}

const std::array<std::string, 256>& ByteAlphabet() {
  static const std::array<std::string, 256> kAlphabet = [] {
    std::array<std::string, 256> alphabet;
    std::uint32_t next = 256;
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      const bool is_printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) ||
                                (byte >= 0xAE && byte <= 0xFF);
      alphabet[byte] = EncodeCodePoint(is_printable ? byte : next++);
    }
    return alphabet;
  }();
  return kAlphabet;
}

std::string ToByteAlphabet(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += ByteAlphabet()[static_cast<unsigned char>(c)];
  return text;
}

}  // namespace holdfast::trainer
