#include "upstream/choice.h"

#include <algorithm>
#include <cmath>

#include "base/mix.h"

namespace holdfast::upstream {
namespace {

// Weighted rendezvous: -w / ln(u), u uniform in (0, 1).
double Rank(const Candidate& candidate, std::uint64_t key) {
  const std::uint64_t bits = Mix64(candidate.name_hash, key) >> 11;
  const double uniform = (static_cast<double>(bits) + 0.5) * 0x1.0p-53;
  return -candidate.weight / std::log(uniform);
}

double Load(const Candidate& candidate) { return candidate.load / candidate.weight; }

}  // namespace

std::optional<std::size_t> ChooseEngine(std::span<const Candidate> candidates, std::uint64_t key,
                                        std::uint64_t turn) {
  if (candidates.empty()) return std::nullopt;
  const std::uint64_t rank_key = key != 0 ? key : turn;
  const auto first = std::ranges::max_element(
      candidates, {}, [&](const Candidate& candidate) { return Rank(candidate, rank_key); });
  const auto least = std::ranges::min_element(candidates, {}, Load);
  const double load_max =
      key != 0 ? kAffineLoadFactor * Load(*least) + kAffineLoadSlack : Load(*least);
  return Load(*first) <= load_max ? first->engine : least->engine;
}

}  // namespace holdfast::upstream
