#include "guard/evidence/detectors/detector.h"

#include <algorithm>

#include "guard/evidence/detectors/abandoned_streams.h"
#include "guard/evidence/detectors/backs_off.h"
#include "guard/evidence/detectors/cost_at_limits.h"
#include "guard/evidence/detectors/extraction.h"
#include "guard/evidence/detectors/fingerprint_concentration.h"
#include "guard/evidence/detectors/handshakes.h"
#include "guard/evidence/detectors/history.h"
#include "guard/evidence/detectors/low_rate_swarm.h"
#include "guard/evidence/detectors/newcomers.h"
#include "guard/evidence/detectors/open_loop.h"
#include "guard/evidence/detectors/paid_challenge.h"
#include "guard/evidence/detectors/password_stuffing.h"
#include "guard/evidence/detectors/payload_similarity.h"
#include "guard/evidence/detectors/prefix_concentration.h"
#include "guard/evidence/detectors/reads_answers.h"
#include "guard/evidence/detectors/reads_pages.h"
#include "guard/evidence/detectors/repeats_itself.h"
#include "guard/evidence/detectors/seen_before.h"
#include "guard/evidence/detectors/sign_up_lockstep.h"
#include "guard/evidence/detectors/slow_connections.h"
#include "guard/evidence/detectors/source_rate.h"
#include "guard/evidence/detectors/thinks.h"

namespace holdfast::guard {
namespace {

struct Entry {
  Detector detector;
  std::string_view word;
  Family family;
  double (*detect)(const ClientView&);
};

constexpr std::array<Entry, kDetectorCount> kDetectors = {{
    {Detector::kNewcomers, "newcomers", Family::kOrigin, Newcomers},
    {Detector::kLowRateSwarm, "low_rate_swarm", Family::kCohort, LowRateSwarm},
    {Detector::kSourceRate, "source_rate", Family::kRate, SourceRate},
    {Detector::kSlowConnections, "slow_connections", Family::kConnection, SlowConnections},
    {Detector::kHandshakes, "handshakes", Family::kConnection, Handshakes},
    {Detector::kPasswordStuffing, "password_stuffing", Family::kAccounts, PasswordStuffing},
    {Detector::kSignUpLockstep, "sign_up_lockstep", Family::kCohort, SignUpLockstep},
    {Detector::kCostAtLimits, "cost_at_limits", Family::kCost, CostAtLimits},
    {Detector::kAbandonedStreams, "abandoned_streams", Family::kCost, AbandonedStreams},
    {Detector::kExtraction, "extraction", Family::kCost, Extraction},
    {Detector::kPayloadSimilarity, "payload_similarity", Family::kCohort, PayloadSimilarity},
    {Detector::kFingerprintConcentration, "fingerprint_concentration", Family::kCohort,
     FingerprintConcentration},
    {Detector::kPrefixConcentration, "prefix_concentration", Family::kCohort, PrefixConcentration},
    {Detector::kOpenLoop, "open_loop", Family::kTiming, OpenLoop},
    {Detector::kRepeatsItself, "repeats_itself", Family::kRate, RepeatsItself},
    {Detector::kSeenBefore, "seen_before", Family::kOrigin, WasSeenBefore},
    {Detector::kHistory, "history", Family::kOrigin, HasHistory},
    {Detector::kBacksOff, "backs_off", Family::kTiming, BacksOff},
    {Detector::kReadsPages, "reads_pages", Family::kOrigin, ReadsPages},
    {Detector::kReadsAnswers, "reads_answers", Family::kTiming, ReadsAnswers},
    {Detector::kThinks, "thinks", Family::kTiming, Thinks},
    {Detector::kPaidChallenge, "paid_challenge", Family::kOrigin, PaidChallenge},
}};

constexpr bool IsInOrder() {
  for (int i = 0; i < kDetectorCount; ++i) {
    if (static_cast<int>(kDetectors[static_cast<std::size_t>(i)].detector) != i) return false;
  }
  return true;
}
static_assert(IsInOrder());

}  // namespace

std::string_view DetectorWord(Detector detector) {
  return kDetectors[static_cast<std::size_t>(detector)].word;
}

Family FamilyOf(Detector detector) { return kDetectors[static_cast<std::size_t>(detector)].family; }

Evidence Detect(const ClientView& view) {
  Evidence evidence{};
  for (std::size_t i = 0; i < evidence.size(); ++i) {
    evidence[i] =
        static_cast<float>(std::clamp(kDetectors[i].detect(view), -kEvidenceMax, kEvidenceMax));
  }
  return evidence;
}

}  // namespace holdfast::guard
