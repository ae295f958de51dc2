// Deduplicator: remembers the documents it has seen and says whether a new one repeats them.
//   exact  the normalised text (lower case, letters and digits only, single spaces) has the same
//          64-bit hash;
//   near   MinHash over shingles of words: documents whose estimated Jaccard similarity reaches
//          the threshold. Candidates come from bands of the signature (Broder 1997; LSH banding as
//          in Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3).
// Short documents are compared exactly only: few shingles estimate badly. Single-threaded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace holdfast::trainer {

struct DedupOptions {
  bool is_near_on = true;
  std::size_t shingle_words = 5;
  std::size_t band_count = 16;
  std::size_t rows_per_band = 4;  // 16 x 4: half of the pairs at similarity 0.45 are compared.
  double jaccard_min = 0.7;
  std::size_t near_words_min = 30;
};

enum class Duplicate : std::uint8_t { kNew, kExact, kNear };

class Deduplicator {
 public:
  explicit Deduplicator(const DedupOptions& options);
  // kNew documents are remembered; others are not.
  Duplicate Add(std::string_view text);

 private:
  using Signature = std::vector<std::uint32_t>;
  Signature Sign(const std::vector<std::string_view>& words) const;

  DedupOptions options_;
  std::unordered_set<std::uint64_t> exact_;
  std::vector<Signature> signatures_;
  std::vector<std::unordered_map<std::uint64_t, std::vector<std::uint32_t>>> bands_;
};

// Lower-case ASCII letters and digits and all non-ASCII bytes; everything else is one space.
std::string NormaliseText(std::string_view text);

}  // namespace holdfast::trainer
