#include "guard/evidence/seen_set.h"

#include <algorithm>
#include <bit>

#include "base/mix.h"

namespace holdfast::guard {
namespace {

constexpr std::size_t kNamesPerWord = 4;

// Four bits of one word.
std::uint64_t BitsOf(std::uint64_t hash) {
  std::uint64_t bits = 0;
  for (int i = 0; i < 4; ++i) bits |= std::uint64_t{1} << (hash >> (40 + 6 * i) & 63);
  return bits;
}

}  // namespace

SeenSet::SeenSet(std::size_t names_max)
    : names_max_(std::max<std::size_t>(names_max, 1)),
      words_(std::bit_ceil((names_max_ + kNamesPerWord - 1) / kNamesPerWord)) {}

void SeenSet::Add(std::uint64_t name) {
  const std::uint64_t hash = Mix64(name);
  const std::uint64_t bits = BitsOf(hash);
  Word& word = words_[hash & (words_.size() - 1)];
  if ((word[young_] & bits) == bits) return;
  if (count_ == names_max_) {
    young_ = 1 - young_;
    for (Word& each : words_) each[young_] = 0;
    count_ = 0;
  }
  word[young_] |= bits;
  ++count_;
}

bool SeenSet::Contains(std::uint64_t name) const {
  const std::uint64_t hash = Mix64(name);
  const std::uint64_t bits = BitsOf(hash);
  const Word& word = words_[hash & (words_.size() - 1)];
  return (word[0] & bits) == bits || (word[1] & bits) == bits;
}

void SeenSet::Save(StateWriter& writer, const StatePart& part) const {
  if (part.is_first()) {
    writer.Put(std::uint64_t{words_.size()});
    writer.Put(std::uint64_t{count_});
    writer.Put(std::uint64_t{young_});
  }
  for (std::size_t place = part.Begin(words_.size()); place < part.End(words_.size()); ++place) {
    const Word& word = words_[place];
    if ((word[0] | word[1]) == 0) continue;
    writer.Put(static_cast<std::uint32_t>(place));
    for (const std::uint64_t bits : word) writer.Put(bits);
  }
  writer.Put(kNoPlace);
}

void SeenSet::Load(StateReader& reader, const StatePart& part) {
  if (part.is_first()) {
    reader.Expect(reader.Take<std::uint64_t>() == words_.size());
    count_ = reader.TakeCount(names_max_);
    young_ = reader.TakeCount(1);
  }
  while (reader.is_sound()) {
    const auto place = reader.Take<std::uint32_t>();
    if (place == kNoPlace || !reader.Expect(place < words_.size())) return;
    for (std::uint64_t& bits : words_[place]) bits = reader.Take<std::uint64_t>();
  }
}

std::size_t SeenSet::state_bytes() const { return words_.capacity() * sizeof(Word); }

}  // namespace holdfast::guard
