// CodePointSet: a set of Unicode code points as sorted ranges, and its algebra. A value type,
// thread-compatible.
//
// Invariants: the ranges ascend, do not touch each other, and lie in 0..kCodePointMax; so equal
// sets are equal values.
#pragma once

#include <compare>
#include <span>
#include <vector>

namespace holdfast::tokenizer {

inline constexpr char32_t kCodePointMax = 0x10FFFF;

struct CodePointRange {
  char32_t first;
  char32_t last;
  auto operator<=>(const CodePointRange&) const = default;
};

class CodePointSet {
 public:
  CodePointSet() = default;
  // In any order, overlapping or not.
  explicit CodePointSet(std::vector<CodePointRange> ranges);
  static CodePointSet Of(char32_t code_point);
  static CodePointSet All();

  std::span<const CodePointRange> ranges() const { return ranges_; }

  CodePointSet Complement() const;
  CodePointSet Union(const CodePointSet& other) const;
  CodePointSet Intersection(const CodePointSet& other) const;

  auto operator<=>(const CodePointSet&) const = default;
  bool operator==(const CodePointSet&) const = default;

 private:
  std::vector<CodePointRange> ranges_;
};

}  // namespace holdfast::tokenizer
