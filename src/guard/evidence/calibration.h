// The numbers that turn evidence into calibrated log-likelihood ratios.
//
// Provenance: `holdfast drill calibrate --seeds 1..300 --check-seeds 501..600`, l2 = 10 (1.0
// million rows: clients 10, 30 and 60 s after the onset and at the end). On the seeds checked, with
// the detectors of today: Brier score 0.022 (0.060 after 10 s, 0.019 after 30 s, 0.004 at the end),
// calibration error 0.013; a new fit is better by 0.001. A coefficient of 0 says that the
// simulations need no such evidence beside the rest, not that there is none; its detector stays in
// reports.
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
    .prior = -1.519,
    .coefficient =
        {
            1.576,  // newcomers
            0.026,  // low_rate_swarm
            1.167,  // source_rate
            1.003,  // slow_connections
            1.013,  // handshakes
            0.651,  // password_stuffing
            0.049,  // sign_up_lockstep
            0.523,  // cost_at_limits
            0.522,  // abandoned_streams
            0.541,  // extraction
            0.951,  // payload_similarity
            0.388,  // fingerprint_concentration
            1.790,  // prefix_concentration
            0.046,  // open_loop
            0.852,  // repeats_itself
            1.933,  // seen_before
            0.000,  // history
            0.409,  // backs_off
            0.331,  // reads_pages
            1.835,  // reads_answers
            0.000,  // thinks
            0.975,  // paid_challenge
        },
    .family_max = {6, 8, 6, 8, 6, 5, 6},
};

}  // namespace holdfast::guard
