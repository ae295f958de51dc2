// SpecialTokens: finds the special tokens written in a text, leftmost first and longest first.
// Immutable after making, thread-safe.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::tokenizer {

class SpecialTokens {
 public:
  using Entry = std::pair<std::string_view, std::int32_t>;  // Text and id.
  // Empty texts are left out; of equal texts the lowest id counts. The texts must outlive this.
  explicit SpecialTokens(std::vector<Entry> entries);

  struct Match {
    std::size_t begin;
    std::size_t bytes;
    std::int32_t id;
  };
  std::optional<Match> FindFirst(std::string_view text, std::size_t from) const;
  std::optional<std::int32_t> Find(std::string_view text) const;

 private:
  // The longest entry that `text` begins with.
  const Entry* LongestPrefix(std::string_view text) const;

  std::vector<Entry> entries_;  // Sorted by text.
  std::bitset<256> first_bytes_;
};

}  // namespace holdfast::tokenizer
