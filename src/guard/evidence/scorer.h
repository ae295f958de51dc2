// Scorer: from what clients did to the odds that they are hostile. log odds = prior + sum of the
// detectors' calibrated log-likelihood ratios, each family of evidence that tells of the same thing
// bounded, so that nothing is counted twice. Pure; thread-compatible.
//
// For a verdict, a client is judged by the surges of its groups that it was part of, also after
// they ended. At the door it is judged by its groups as they are now, so that whoever resembles an
// attacker is free again within seconds of its end.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "guard/evidence/calibration.h"
#include "guard/evidence/cluster_table.h"
#include "guard/evidence/detectors.h"
#include "guard/facts.h"

namespace holdfast::guard {

inline double ProbabilityOf(double log_odds) { return 1.0 / (1.0 + std::exp(-log_odds)); }

struct ClusterScore {
  std::uint64_t client = 0;  // Caller::client().
  std::uint64_t group = 0;   // Clients whose truth is likely the same: for draws that go together.
  double log_odds = 0;       // Of being hostile.
  Evidence evidence{};       // What the detectors saw,
  std::array<float, kDetectorCount> llr{};  // and what it counts, before the families' bounds.
  std::uint32_t requests = 0;
  double cost = 0;    // Weighted tokens.
  double weight = 1;  // Clients this one stands for (ClusterTable samples when it is full).

  double probability() const { return ProbabilityOf(log_odds); }
};

double LogOdds(const Evidence& evidence, const Calibration& calibration);

class Scorer {
 public:
  explicit Scorer(const Calibration& calibration = kCalibration) : calibration_(calibration) {}

  // Of the clients in the table that were seen in the hour before `now`, appended in its order.
  void Score(const ClusterTable& table, Time now, std::vector<ClusterScore>& out) const;
  // Of the one whose request arrived (ClusterTable::OnArrival) and is to be decided upon: by its
  // record, and by its groups as they are now; null below `log_odds_min`. O(1), for the door, where
  // most are no suspects. A sender outside of the sample, null, is judged by its groups.
  std::optional<ClusterScore> Suspect(const ClusterTable& table, const ClientFeatures* sender,
                                      const RequestFacts& facts, Time now,
                                      double log_odds_min) const;
  // Of the one who sent this request, after the decision; by its groups as they are now.
  double LogOddsOfSender(const ClusterTable& table, const RequestFacts& facts, Time now) const;
  // What the detectors see in a client of the table, without coefficients: a row of a fit.
  static Evidence Observe(const ClusterTable& table, const ClientFeatures& client);

 private:
  std::optional<ClusterScore> SuspectClient(const ClusterTable& table, const ClientFeatures& client,
                                            double log_odds_min) const;
  ClusterScore MakeScore(const ClusterTable& table, const ClientView& view,
                         const Evidence& evidence, double log_odds) const;

  Calibration calibration_;
};

}  // namespace holdfast::guard
