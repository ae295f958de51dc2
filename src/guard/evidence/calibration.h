// The numbers that turn evidence into calibrated log-likelihood ratios.
//
// Provenance: drill/calibrate.h, FitCalibration with l2 = 10, on the simulated incidents of seeds
// 1..400 (1.1 million rows: clients 10, 30 and 60 s after the onset and at the end). On seeds
// 1001..1200: Brier score 0.027 (0.063 after 10 s, 0.023 after 30 s, 0.008 at the end), calibration
// error 0.010. A coefficient of 0 says that the simulations need no such evidence beside the rest,
// not that there is none; its detector stays in reports.
#pragma once

#include <array>

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

struct Calibration {
  double prior = 0;                                  // Log odds of a client without any evidence.
  std::array<double, kDetectorCount> coefficient{};  // By Detector, >= 0.
  std::array<double, kFamilyCount> family_max{};     // Nats, either way.
};

// What the literature suggests before any fit, and what a fit starts from and is drawn towards.
inline constexpr std::array<double, kDetectorCount> kCoefficientsBeforeFit = {
    0.5, 1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.7, 0.7, 0.5, 0.7, 0.7,  // Hostility.
    1,   1, 1, 1, 1, 1, 1};                                         // Honesty.

inline constexpr Calibration kCalibration = {
    .prior = -1.534,
    .coefficient =
        {
            1.456,  // newcomers
            0.059,  // low_rate_swarm
            1.265,  // source_rate
            1.006,  // slow_connections
            1.015,  // handshakes
            0.567,  // password_stuffing
            0.049,  // sign_up_lockstep
            0.491,  // cost_at_limits
            0.521,  // abandoned_streams
            0.668,  // extraction
            1.040,  // payload_similarity
            0.381,  // fingerprint_concentration
            1.813,  // prefix_concentration
            0.066,  // open_loop
            0.700,  // repeats_itself
            2.083,  // seen_before
            0.000,  // history
            0.290,  // backs_off
            0.286,  // reads_pages
            1.488,  // reads_answers
            0.000,  // thinks
            1.166,  // paid_challenge
        },
    .family_max = {6, 8, 6, 8, 6, 5, 6},
};

}  // namespace holdfast::guard
