// Explain: what drove a verdict, and what would change it: the same input judged again without the
// evidence that spoke most, with another provision, with a faster or slower engine. Pure;
// thread-safe. Costs about ten judgements.
#pragma once

#include <string>
#include <vector>

#include "incidents/bundle.h"
#include "verdict/verdict.h"

namespace holdfast::incidents {

struct Variation {
  std::string what;  // "without the evidence 'newcomers'".
  verdict::Verdict verdict;
  double change = 0;  // Of the share or interval that moves most; 1 where the label changes.
};

// The one that changes most first.
std::vector<Variation> Vary(const Bundle& bundle, const verdict::Verdict& verdict);

std::string Explain(const Bundle& bundle, const verdict::Verdict& verdict);

}  // namespace holdfast::incidents
