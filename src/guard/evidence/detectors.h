// A detector is a pure function from what is known of one client, and of the groups it belongs to,
// to evidence: a number in nats, 0 where there was nothing to see, above 0 for "hostile", below
// for "honest", bounded by kEvidenceMax. The scorer multiplies it by the coefficient that a fit on
// labelled traffic gave it (calibration.h) to a calibrated log-likelihood ratio. Value types.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "guard/evidence/features.h"
#include "guard/evidence/group_features.h"

namespace holdfast::guard {

enum class Detector : std::uint8_t {
  kNewcomers,     // More never-seen clients of this kind than the crowd explains.
  kLowRateSwarm,  // A surge whose members lack what the occasion gave them to do.
  kSourceRate,    // One source faster than people and most programs.
  kSlowConnections,
  kHandshakes,
  kPasswordStuffing,
  kSignUpLockstep,
  kCostAtLimits,
  kAbandonedStreams,
  kPayloadSimilarity,
  kFingerprintConcentration,
  kPrefixConcentration,
  kSeenBefore,  // From here on evidence for honesty.
  kReadsPages,
  kReadsAnswers,
};
inline constexpr int kDetectorCount = static_cast<int>(Detector::kReadsAnswers) + 1;
inline constexpr double kEvidenceMax = 8;

// "newcomers", "low_rate_swarm", and so on.
std::string_view DetectorWord(Detector detector);

// Evidence that tells of the same thing; the scorer bounds the sum of a family.
enum class Family : std::uint8_t {
  kOrigin,
  kCohort,
  kRate,
  kConnection,
  kAccounts,
  kCost,
  kTiming
};
inline constexpr int kFamilyCount = static_cast<int>(Family::kTiming) + 1;

constexpr Family FamilyOf(Detector detector) {
  switch (detector) {
    case Detector::kNewcomers:
    case Detector::kSeenBefore:
    case Detector::kReadsPages:
      return Family::kOrigin;
    case Detector::kLowRateSwarm:
    case Detector::kSignUpLockstep:
    case Detector::kPayloadSimilarity:
    case Detector::kFingerprintConcentration:
    case Detector::kPrefixConcentration:
      return Family::kCohort;
    case Detector::kSourceRate:
      return Family::kRate;
    case Detector::kSlowConnections:
    case Detector::kHandshakes:
      return Family::kConnection;
    case Detector::kPasswordStuffing:
      return Family::kAccounts;
    case Detector::kCostAtLimits:
    case Detector::kAbandonedStreams:
      return Family::kCost;
    case Detector::kReadsAnswers:
      return Family::kTiming;
  }
  return Family::kOrigin;
}

// What one occasion says for "hostile", in nats.
struct Likelihood {
  double done = 0;
  double left = 0;

  // If a hostile client does it with probability `hostile` and an honest one with `honest`.
  static Likelihood Of(double hostile, double honest) {
    return {std::log(hostile / honest), std::log((1 - hostile) / (1 - honest))};
  }

  // Of `count` times done in `occasions`. A client repeats itself, so that many occasions count as
  // `occasions_max` at most.
  double Nats(int count, int occasions, int occasions_max) const {
    if (occasions <= 0) return 0;
    count = std::clamp(count, 0, occasions);
    const double nats = count * done + (occasions - count) * left;
    return occasions <= occasions_max ? nats
                                      : nats * (static_cast<double>(occasions_max) / occasions);
  }
};

// A surface's ordinary conduct as the detectors use it. The logarithms are taken once for each
// conduct that is learned, not for each client.
struct Ordinary {
  Likelihood guessed;
  Likelihood costly;
  Likelihood cut_short;
  Likelihood echoed;
  Likelihood read;
};

Ordinary OrdinaryOf(const Conduct& conduct);

// A group as a detector sees it: 0 where it is too small to say anything.
struct GroupView {
  double excess = 0;      // Log of its clients over what the growth of trusted clients explains.
  double misconduct = 0;  // Nats per client by which its members behave worse than is ordinary.
  bool is_usual = false;  // It was here in quiet time and has not surged since.
};

struct ClientView {
  const ClientFeatures& client;
  const Ordinary& ordinary;  // Of the client's surface.
  std::array<GroupView, kGroupKindCount> groups;

  const GroupView& Group(GroupKind kind) const { return groups[static_cast<std::size_t>(kind)]; }
};

using Evidence = std::array<float, kDetectorCount>;

// All detectors, in order.
Evidence Detect(const ClientView& view);

}  // namespace holdfast::guard
