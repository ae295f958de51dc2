// Re-keying: names of callers, groups and prompts become numbers of this bundle alone, given in an
// order that a secret shuffles, so that no bundle says who somebody was or is the same as in
// another. Internal to incidents/. Pure.
#pragma once

#include <cstdint>

#include "verdict/verdict.h"

namespace holdfast::incidents {

// Names become 1, 2, ...; 0 stays 0. Equal names stay equal, a client's records and its score too.
void Rekey(verdict::JudgeInput& input, std::uint64_t secret);

}  // namespace holdfast::incidents
