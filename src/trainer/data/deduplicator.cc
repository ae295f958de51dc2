#include "trainer/data/deduplicator.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "trainer/data/hash64.h"

namespace holdfast::trainer {
namespace {

// Candidates compared for one band of one document: a limit against boilerplate that fills a
// bucket. Beyond it a near-duplicate may pass.
constexpr std::size_t kCandidatesPerBandMax = 64;

std::vector<std::string_view> SplitWords(std::string_view normalised) {
  std::vector<std::string_view> words;
  while (!normalised.empty()) {
    const std::size_t end = std::min(normalised.find(' '), normalised.size());
    if (end > 0) words.push_back(normalised.substr(0, end));
    normalised.remove_prefix(std::min(end + 1, normalised.size()));
  }
  return words;
}

}  // namespace

std::string NormaliseText(std::string_view text) {
  std::string normalised;
  normalised.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 'A' && byte <= 'Z') {
      normalised += static_cast<char>(byte - 'A' + 'a');
    } else if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte >= 0x80) {
      normalised += c;
    } else if (!normalised.empty() && normalised.back() != ' ') {
      normalised += ' ';
    }
  }
  if (normalised.ends_with(' ')) normalised.pop_back();
  return normalised;
}

Deduplicator::Deduplicator(const DedupOptions& options)
    : options_(options), bands_(options.band_count) {
  CHECK(options.shingle_words > 0 && options.band_count > 0 && options.rows_per_band > 0);
}

Deduplicator::Signature Deduplicator::Sign(const std::vector<std::string_view>& words) const {
  const std::size_t size = options_.band_count * options_.rows_per_band;
  Signature signature(size, std::numeric_limits<std::uint32_t>::max());
  std::vector<std::uint64_t> word_hashes;
  word_hashes.reserve(words.size());
  for (const std::string_view word : words) word_hashes.push_back(Hash64(word));
  for (std::size_t i = 0; i + options_.shingle_words <= words.size(); ++i) {
    std::uint64_t shingle = 0;
    for (std::size_t k = 0; k < options_.shingle_words; ++k) {
      shingle = MixBits(shingle + 0x9E3779B97F4A7C15u) ^ word_hashes[i + k];
    }
    // Odd multipliers give `size` independent-enough orders of the shingles from one hash.
    std::uint64_t multiplier = 0x9E3779B97F4A7C15u;
    for (std::size_t row = 0; row < size; ++row) {
      multiplier = multiplier * 0xD1342543DE82EF95u + 0x5851F42D4C957F2Eu;
      const auto order = static_cast<std::uint32_t>((shingle * (multiplier | 1)) >> 32);
      signature[row] = std::min(signature[row], order);
    }
  }
  return signature;
}

Duplicate Deduplicator::Add(std::string_view text) {
  const std::string normalised = NormaliseText(text);
  if (!exact_.insert(Hash64(normalised)).second) return Duplicate::kExact;
  if (!options_.is_near_on) return Duplicate::kNew;
  const std::vector<std::string_view> words = SplitWords(normalised);
  if (words.size() < std::max(options_.near_words_min, options_.shingle_words)) {
    return Duplicate::kNew;
  }
  Signature signature = Sign(words);
  std::vector<std::uint64_t> keys(options_.band_count);
  for (std::size_t band = 0; band < options_.band_count; ++band) {
    for (std::size_t row = 0; row < options_.rows_per_band; ++row) {
      keys[band] = MixBits(keys[band] + signature[band * options_.rows_per_band + row] + row + 1);
    }
    const auto bucket = bands_[band].find(keys[band]);
    if (bucket == bands_[band].end()) continue;
    for (const std::uint32_t candidate : bucket->second) {
      const Signature& other = signatures_[candidate];
      std::size_t equal = 0;
      for (std::size_t i = 0; i < other.size(); ++i) equal += other[i] == signature[i];
      if (static_cast<double>(equal) >= options_.jaccard_min * static_cast<double>(other.size())) {
        return Duplicate::kNear;
      }
    }
  }
  const auto index = static_cast<std::uint32_t>(signatures_.size());
  signatures_.push_back(std::move(signature));
  for (std::size_t band = 0; band < options_.band_count; ++band) {
    std::vector<std::uint32_t>& bucket = bands_[band][keys[band]];
    if (bucket.size() < kCandidatesPerBandMax) bucket.push_back(index);
  }
  return Duplicate::kNew;
}

}  // namespace holdfast::trainer
