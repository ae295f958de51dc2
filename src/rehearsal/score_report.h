// A score as JSON for programs, as a page with charts, and as a few lines for a terminal. Pure
// functions; thread-safe.
#pragma once

#include <string>

#include "rehearsal/score.h"

namespace holdfast::rehearsal {

std::string ScoreToJson(const Score& score);
std::string ScoreToHtml(const Score& score);
std::string ScoreToText(const Score& score);

}  // namespace holdfast::rehearsal
