// Reads a pre-tokenizer pattern in the syntax of tokenizer.json (Oniguruma's, Ruby flavour): what
// stands for one code point becomes a CodePointSet, the rest is syntax that PCRE2 has in common.
// Free functions and a value type, thread-compatible.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/code_point_set.h"

namespace holdfast::tokenizer {

// The different sets of all patterns of one pre-tokenizer.
class SetPool {
 public:
  // The published patterns have 40 together at most.
  static constexpr std::size_t kSetsMax = 512;

  // The index of the set. Errors: kTooLarge.
  [[nodiscard]] Result<std::size_t> Intern(const CodePointSet& set);
  std::vector<CodePointSet> TakeSets() &&;

 private:
  std::map<CodePointSet, std::size_t> indices_;
};

// A set of the pool by its index, or PCRE2 syntax.
struct PrePart {
  std::string syntax;
  std::optional<std::size_t> set;
};

// Errors: kInvalidArgument, kUnsupported (back references, \R and the like), kTooLarge.
[[nodiscard]] Result<std::vector<PrePart>> ParsePrePattern(std::string_view pattern, SetPool& pool);

}  // namespace holdfast::tokenizer
