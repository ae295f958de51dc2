// Which of the engines that may take a call gets it. Pure.
//
// Each engine has a rank for each conversation (rendezvous hashing: the ranks of the others do not
// change when one comes or goes; a heavier engine is first for more conversations). The first one,
// which has the conversation's beginning in its prefix cache, keeps it unless its load is over
// kAffineLoadFactor x the least load + kAffineLoadSlack; then the least load decides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace holdfast::upstream {

inline constexpr double kAffineLoadFactor = 1.25;
inline constexpr double kAffineLoadSlack = 2;

struct Candidate {
  std::size_t engine = 0;
  std::uint64_t name_hash = 0;
  double load = 0;    // Running and waiting.
  double weight = 1;  // > 0.
};

// `key` 0: no conversation; `turn` settles ties then. nullopt: no candidate.
std::optional<std::size_t> ChooseEngine(std::span<const Candidate> candidates, std::uint64_t key,
                                        std::uint64_t turn);

}  // namespace holdfast::upstream
