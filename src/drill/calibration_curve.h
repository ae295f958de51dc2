// How far stated probabilities can be believed: the Brier score, and the reliability curve, which
// sets what was said beside what was so. Pure.
#pragma once

#include <span>
#include <vector>

namespace holdfast::drill {

struct Prediction {
  double probability = 0;  // Of being hostile, as stated.
  bool is_hostile = false;
  double weight = 1;
};

// Mean square of probability less truth: 0 is perfect, 0.25 what "one half" always gets. 0 without
// predictions.
double BrierScore(std::span<const Prediction> predictions);

struct ReliabilityBin {
  double stated = 0;   // Mean probability.
  double hostile = 0;  // Share that was hostile.
  double weight = 0;
};
// Bins of equal width over [0, 1]; those without predictions are left out.
std::vector<ReliabilityBin> ReliabilityCurve(std::span<const Prediction> predictions,
                                             int bin_count = 10);
// Mean distance between stated and hostile, by weight.
double CalibrationError(std::span<const ReliabilityBin> curve);

}  // namespace holdfast::drill
