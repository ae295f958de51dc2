#include "tokenizer/code_point_set.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace holdfast::tokenizer {

CodePointSet::CodePointSet(std::vector<CodePointRange> ranges) : ranges_(std::move(ranges)) {
  std::sort(ranges_.begin(), ranges_.end());
  std::size_t count = 0;
  for (const CodePointRange range : ranges_) {
    CHECK(range.first <= range.last && range.last <= kCodePointMax);
    if (count > 0 && range.first <= ranges_[count - 1].last + 1) {
      ranges_[count - 1].last = std::max(ranges_[count - 1].last, range.last);
    } else {
      ranges_[count++] = range;
    }
  }
  ranges_.resize(count);
}

CodePointSet CodePointSet::Of(char32_t code_point) {
  return CodePointSet({{code_point, code_point}});
}

CodePointSet CodePointSet::All() { return CodePointSet({{0, kCodePointMax}}); }

CodePointSet CodePointSet::Complement() const {
  CodePointSet complement;
  char32_t next = 0;
  for (const CodePointRange range : ranges_) {
    if (range.first > next) complement.ranges_.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kCodePointMax) complement.ranges_.push_back({next, kCodePointMax});
  return complement;
}

CodePointSet CodePointSet::Union(const CodePointSet& other) const {
  std::vector<CodePointRange> both = ranges_;
  both.insert(both.end(), other.ranges_.begin(), other.ranges_.end());
  return CodePointSet(std::move(both));
}

CodePointSet CodePointSet::Intersection(const CodePointSet& other) const {
  return Complement().Union(other.Complement()).Complement();
}

}  // namespace holdfast::tokenizer
