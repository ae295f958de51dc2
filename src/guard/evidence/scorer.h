// Scorer: from what clients did to the odds that they are hostile. log odds = prior + sum of the
// detectors' calibrated log-likelihood ratios, each family of evidence that tells of the same thing
// bounded, so that nothing is counted twice. Pure; thread-compatible.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "guard/evidence/calibration.h"
#include "guard/evidence/cluster_table.h"
#include "guard/evidence/detectors/detector.h"
#include "guard/facts.h"

namespace holdfast::guard {

struct ClusterScore {
  std::uint64_t client = 0;  // Caller::client().
  std::uint64_t group = 0;   // Clients whose truth is likely the same: for draws that go together.
  double log_odds = 0;       // Of being hostile.
  std::array<float, kDetectorCount> llr{};  // By Detector, before the families' bounds.
  std::uint32_t requests = 0;
  double cost = 0;    // Weighted tokens.
  double weight = 1;  // Clients this one stands for (ClusterTable samples when it is full).

  double probability() const { return 1.0 / (1.0 + std::exp(-log_odds)); }
};

class Scorer {
 public:
  explicit Scorer(const Calibration& calibration = kCalibration) : calibration_(calibration) {}

  // Scores of the clients in the table that were seen since `since`, appended in the table's order.
  void Score(const ClusterTable& table, Time since, Time now, std::vector<ClusterScore>& out) const;
  void Score(const ClusterTable& table, Time now, std::vector<ClusterScore>& out) const {
    Score(table, Time::min(), now, out);
  }
  // Of the one who sends this request, before it is told to the table: by its record if there is
  // one, else by its groups alone.
  ClusterScore ScoreRequest(const ClusterTable& table, const RequestFacts& facts, Time now) const;
  ClusterScore ScoreClient(const ClusterTable& table, const ClientFeatures& client, Time now) const;
  // What the detectors saw, without coefficients: the columns of a fit.
  static Evidence Observe(const ClusterTable& table, const ClientFeatures& client, Time now);

 private:
  Calibration calibration_;
};

}  // namespace holdfast::guard
