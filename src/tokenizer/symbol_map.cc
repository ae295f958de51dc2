#include "tokenizer/symbol_map.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tokenizer/utf8.h"

namespace holdfast::tokenizer {
namespace {

// Where the membership in some set may change: the first code point of each stretch.
std::vector<char32_t> StretchStarts(std::span<const CodePointSet> sets) {
  std::vector<char32_t> starts{0};
  for (const CodePointSet& set : sets) {
    for (const CodePointRange range : set.ranges()) {
      starts.push_back(range.first);
      if (range.last < kCodePointMax) starts.push_back(range.last + 1);
    }
  }
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  return starts;
}

// For each stretch whether the set has it.
std::vector<bool> Members(std::span<const char32_t> starts, const CodePointSet& set) {
  std::vector<bool> members(starts.size(), false);
  auto range = set.ranges().begin();
  for (std::size_t i = 0; i < starts.size(); ++i) {
    while (range != set.ranges().end() && range->last < starts[i]) ++range;
    if (range == set.ranges().end()) break;
    members[i] = range->first <= starts[i];
  }
  return members;
}

// A class of bytes. Not even the empty one is the empty string: it matches nothing.
std::string ByteClass(const std::array<bool, SymbolMap::kSymbolsMax>& members) {
  std::string text;
  for (std::size_t first = 0; first < members.size(); ++first) {
    if (!members[first]) continue;
    std::size_t last = first;
    while (last + 1 < members.size() && members[last + 1]) ++last;
    text += fmt::format("\\x{:02x}-\\x{:02x}", first, last);
    first = last;
  }
  return text.empty() ? R"([^\x00-\xff])" : fmt::format("[{}]", text);
}

}  // namespace

Result<SymbolMap> SymbolMap::Make(std::span<const CodePointSet> sets) {
  const std::vector<char32_t> starts = StretchStarts(sets);
  std::vector<std::size_t> symbols(starts.size(), 0);
  std::vector<std::vector<bool>> members;
  for (const CodePointSet& set : sets) {
    members.push_back(Members(starts, set));
    // Each symbol splits in two where the set has a part of its code points.
    std::map<std::pair<std::size_t, bool>, std::size_t> split;
    for (std::size_t i = 0; i < starts.size(); ++i) {
      const std::pair key(symbols[i], static_cast<bool>(members.back()[i]));
      symbols[i] = split.emplace(key, split.size()).first->second;
    }
    if (split.size() > kSymbolsMax) {
      return Fail(ErrorCode::kTooLarge,
                  "pre-tokenizer patterns tell over {} kinds of characters apart", kSymbolsMax);
    }
  }
  SymbolMap map;
  for (const std::vector<bool>& set : members) {
    std::array<bool, kSymbolsMax> has_symbol{};
    for (std::size_t i = 0; i < starts.size(); ++i) {
      if (set[i]) has_symbol[symbols[i]] = true;
    }
    map.classes_.push_back(ByteClass(has_symbol));
  }
  map.FillBlocks(starts, symbols);
  return map;
}

void SymbolMap::FillBlocks(std::span<const char32_t> starts, std::span<const std::size_t> symbols) {
  std::map<Block, std::uint16_t> known;
  std::size_t stretch = 0;
  for (std::size_t first = 0; first <= kCodePointMax; first += kBlockSize) {
    Block block;
    for (std::size_t i = 0; i < kBlockSize; ++i) {
      if (stretch + 1 < starts.size() && starts[stretch + 1] == first + i) ++stretch;
      block[i] = static_cast<std::uint8_t>(symbols[stretch]);
    }
    const auto [entry, is_new] = known.emplace(block, static_cast<std::uint16_t>(blocks_.size()));
    if (is_new) blocks_.push_back(block);
    block_of_.push_back(entry->second);
  }
}

void SymbolMap::Translate(std::string_view text, std::string& symbols) const {
  symbols.resize(text.size());
  const Block& ascii = blocks_[block_of_[0]];
  char* out = symbols.data();
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
      *out++ = static_cast<char>(ascii[byte]);
      ++at;
      continue;
    }
    const char32_t code_point = DecodeUtf8(text.substr(at));
    *out++ =
        static_cast<char>(blocks_[block_of_[code_point / kBlockSize]][code_point % kBlockSize]);
    at += Utf8Bytes(text[at]);
  }
  symbols.resize(static_cast<std::size_t>(out - symbols.data()));
}

}  // namespace holdfast::tokenizer
