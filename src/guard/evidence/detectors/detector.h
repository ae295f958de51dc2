// A detector is a pure function from what is known of one client, and of the groups it belongs to,
// to evidence: a number in nats, 0 where there was nothing to see, above 0 for "hostile", below
// for "honest", bounded by kEvidenceMax. The scorer multiplies it by the coefficient that a fit on
// labelled traffic gave it (calibration.h) to a calibrated log-likelihood ratio. Value types.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "guard/evidence/detectors/likelihood.h"
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
  kExtraction,
  kPayloadSimilarity,
  kFingerprintConcentration,
  kPrefixConcentration,
  kOpenLoop,  // Its clock does not depend on the answers.
  kRepeatsItself,
  kSeenBefore,  // From here on evidence for honesty.
  kHistory,
  kBacksOff,
  kReadsPages,
  kReadsAnswers,
  kThinks,
  kPaidChallenge,
};
inline constexpr int kDetectorCount = static_cast<int>(Detector::kPaidChallenge) + 1;
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
    case Detector::kHistory:
    case Detector::kReadsPages:
    case Detector::kPaidChallenge:
      return Family::kOrigin;
    case Detector::kLowRateSwarm:
    case Detector::kSignUpLockstep:
    case Detector::kPayloadSimilarity:
    case Detector::kFingerprintConcentration:
    case Detector::kPrefixConcentration:
      return Family::kCohort;
    case Detector::kSourceRate:
    case Detector::kRepeatsItself:
      return Family::kRate;
    case Detector::kSlowConnections:
    case Detector::kHandshakes:
      return Family::kConnection;
    case Detector::kPasswordStuffing:
      return Family::kAccounts;
    case Detector::kCostAtLimits:
    case Detector::kAbandonedStreams:
    case Detector::kExtraction:
      return Family::kCost;
    case Detector::kOpenLoop:
    case Detector::kBacksOff:
    case Detector::kReadsAnswers:
    case Detector::kThinks:
      return Family::kTiming;
  }
  return Family::kOrigin;
}

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
