// Counts one request of the trial of likeness: by which of the rules it would have been accused.
// Free function; pure.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>

#include "guard/evidence/likeness_count.h"
#include "guard/evidence/proposals.h"

namespace holdfast::guard {

inline void CountTrial(std::initializer_list<const std::optional<RestrictionProposal>*> proposals,
                       LikenessTrialCount& trial) {
  ++trial.asked;
  bool is_accused = false;
  for (const auto* proposal : proposals) {
    if (!*proposal) continue;
    is_accused = true;
    for (std::size_t i = 0; i < kLikenessCounts.size(); ++i) {
      const bool is_this = (*proposal)->rule == kLikenessCounts[i].rule &&
                           (*proposal)->action == kLikenessCounts[i].action;
      if (is_this) ++trial.accused_by[i];
    }
  }
  if (is_accused) ++trial.accused;
}

}  // namespace holdfast::guard
