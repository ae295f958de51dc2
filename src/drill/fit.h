// Fits a Calibration to labelled evidence: logistic regression with an L2 penalty by projected
// Newton steps (Bertsekas 1982), coefficients held at or above 0, so that evidence of hostility can
// never come to speak for innocence. Deterministic: the same rows in the same order give the same
// numbers. Used offline; single-threaded.
#pragma once

#include <array>
#include <span>

#include "guard/evidence/detectors.h"

namespace holdfast::drill {

struct LabelledRow {
  guard::Evidence evidence{};
  bool is_hostile = false;
  float weight = 1;
};

struct FitOptions {
  double l2 =
      1;  // Penalty on half the square of each coefficient less its centre; not on the prior.
  std::array<double, guard::kDetectorCount> centre{};  // What is believed without rows.
  int steps_max = 100;
  double tolerance = 1e-8;  // Of the log-likelihood's gain in a step, relative.
};

struct FittedCoefficients {
  double prior = 0;
  std::array<double, guard::kDetectorCount> coefficient{};
  double log_loss = 0;  // Mean per unit of weight, without the penalty.
  int steps = 0;
  bool has_converged = false;
};

// Rows of both labels are needed to learn anything; without rows all is 0.
FittedCoefficients FitCoefficients(std::span<const LabelledRow> rows, const FitOptions& options);

}  // namespace holdfast::drill
