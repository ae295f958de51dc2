// SymbolMap: one byte, a symbol, for every kind of code point that the sets of a pre-tokenizer's
// patterns tell apart. PCRE2 then matches bytes by bitmaps and needs to know nothing of Unicode.
// Made once, then immutable and thread-safe.
//
// Invariants: two code points have the same symbol if and only if every set has both or neither.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/code_point_set.h"

namespace holdfast::tokenizer {

class SymbolMap {
 public:
  static constexpr std::size_t kSymbolsMax = 256;

  // Errors: kTooLarge (the sets tell more kinds apart than a byte can).
  [[nodiscard]] static Result<SymbolMap> Make(std::span<const CodePointSet> sets);

  // The PCRE2 class of the symbols of a set's code points, by the set's index.
  const std::string& ClassOf(std::size_t set) const { return classes_[set]; }
  // Replaces `symbols` with those of the text's characters, one byte each; `text` is valid UTF-8.
  void Translate(std::string_view text, std::string& symbols) const;

 private:
  static constexpr std::size_t kBlockSize = 256;
  using Block = std::array<std::uint8_t, kBlockSize>;

  SymbolMap() = default;
  void FillBlocks(std::span<const char32_t> starts, std::span<const std::size_t> symbols);

  std::vector<std::string> classes_;
  std::vector<std::uint16_t> block_of_;  // Of each kBlockSize code points; many are the same.
  std::vector<Block> blocks_;
};

}  // namespace holdfast::tokenizer
