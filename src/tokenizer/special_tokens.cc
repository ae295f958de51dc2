#include "tokenizer/special_tokens.h"

#include <algorithm>

namespace holdfast::tokenizer {

SpecialTokens::SpecialTokens(std::vector<Entry> entries) : entries_(std::move(entries)) {
  std::erase_if(entries_, [](const Entry& entry) { return entry.first.empty(); });
  std::sort(entries_.begin(), entries_.end());
  const auto same_text = [](const Entry& a, const Entry& b) { return a.first == b.first; };
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same_text), entries_.end());
  for (const Entry& entry : entries_) first_bytes_.set(static_cast<unsigned char>(entry.first[0]));
}

std::optional<std::int32_t> SpecialTokens::Find(std::string_view text) const {
  const auto found = std::lower_bound(
      entries_.begin(), entries_.end(), text,
      [](const Entry& entry, std::string_view wanted) { return entry.first < wanted; });
  if (found == entries_.end() || found->first != text) return std::nullopt;
  return found->second;
}

std::optional<SpecialTokens::Match> SpecialTokens::FindFirst(std::string_view text,
                                                             std::size_t from) const {
  for (std::size_t at = from; at < text.size(); ++at) {
    if (!first_bytes_.test(static_cast<unsigned char>(text[at]))) continue;
    if (const Entry* entry = LongestPrefix(text.substr(at))) {
      return Match{at, entry->first.size(), entry->second};
    }
  }
  return std::nullopt;
}

// Narrows the sorted range byte by byte: after i bytes it holds the entries that share the first i
// bytes with the text, and an entry of exactly i bytes is the first of them.
const SpecialTokens::Entry* SpecialTokens::LongestPrefix(std::string_view text) const {
  const Entry* longest = nullptr;
  auto begin = entries_.begin();
  auto end = entries_.end();
  for (std::size_t i = 0; begin != end; ++i) {
    if (begin->first.size() == i) {
      longest = &*begin;
      ++begin;
    }
    if (i == text.size()) break;
    const auto byte = static_cast<unsigned char>(text[i]);
    begin = std::partition_point(begin, end, [&](const Entry& entry) {
      return static_cast<unsigned char>(entry.first[i]) < byte;
    });
    end = std::partition_point(begin, end, [&](const Entry& entry) {
      return static_cast<unsigned char>(entry.first[i]) == byte;
    });
  }
  return longest;
}

}  // namespace holdfast::tokenizer
