// The numbers that turn evidence into calibrated log-likelihood ratios.
//
// Provenance: set by hand after Jung et al. 2002 (newcomers), Yu et al. 2012 (likeness of flows)
// and FRADE 2021 (conduct), on the careful side: no single detector reaches even odds alone.
#pragma once

#include <array>

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

struct Calibration {
  double prior = -4;                                 // Log odds of a client without any evidence.
  std::array<double, kDetectorCount> coefficient{};  // By Detector, >= 0.
  std::array<double, kFamilyCount> family_max{};     // Nats, either way.
};

inline constexpr Calibration kCalibration = {
    .prior = -4,
    .coefficient = {0.5, 1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.7, 0.7, 0.5, 0.7,  // Hostility.
                    1,   1, 1, 1, 1, 1, 1},                                    // Honesty.
    .family_max = {6, 8, 6, 8, 6, 5, 6},
};

}  // namespace holdfast::guard
