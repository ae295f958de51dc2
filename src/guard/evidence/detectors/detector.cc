#include "guard/evidence/detectors/detector.h"

#include <algorithm>
#include <utility>

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
  double (*detect)(const ClientView&);
};

constexpr std::array<Entry, kDetectorCount> kDetectors = {{
    {Detector::kNewcomers, "newcomers", Newcomers},
    {Detector::kLowRateSwarm, "low_rate_swarm", LowRateSwarm},
    {Detector::kSourceRate, "source_rate", SourceRate},
    {Detector::kSlowConnections, "slow_connections", SlowConnections},
    {Detector::kHandshakes, "handshakes", Handshakes},
    {Detector::kPasswordStuffing, "password_stuffing", PasswordStuffing},
    {Detector::kSignUpLockstep, "sign_up_lockstep", SignUpLockstep},
    {Detector::kCostAtLimits, "cost_at_limits", CostAtLimits},
    {Detector::kAbandonedStreams, "abandoned_streams", AbandonedStreams},
    {Detector::kExtraction, "extraction", Extraction},
    {Detector::kPayloadSimilarity, "payload_similarity", PayloadSimilarity},
    {Detector::kFingerprintConcentration, "fingerprint_concentration", FingerprintConcentration},
    {Detector::kPrefixConcentration, "prefix_concentration", PrefixConcentration},
    {Detector::kOpenLoop, "open_loop", OpenLoop},
    {Detector::kRepeatsItself, "repeats_itself", RepeatsItself},
    {Detector::kSeenBefore, "seen_before", WasSeenBefore},
    {Detector::kHistory, "history", HasHistory},
    {Detector::kBacksOff, "backs_off", BacksOff},
    {Detector::kReadsPages, "reads_pages", ReadsPages},
    {Detector::kReadsAnswers, "reads_answers", ReadsAnswers},
    {Detector::kThinks, "thinks", Thinks},
    {Detector::kPaidChallenge, "paid_challenge", PaidChallenge},
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

Ordinary OrdinaryOf(const Conduct& conduct) {
  return {.guessed = LikelihoodOfGuessing(conduct),
          .costly = LikelihoodOfCost(conduct),
          .cut_short = LikelihoodOfCuttingShort(conduct),
          .echoed = LikelihoodOfEchoing(conduct),
          .overlapped = LikelihoodOfOverlapping(conduct),
          .ignored = LikelihoodOfIgnoring(conduct),
          .repeated = LikelihoodOfRepeating(conduct),
          .read = LikelihoodOfReading(conduct),
          .thought = LikelihoodOfThinking(conduct),
          .gap_deviation = conduct.gap_deviation};
}

// Unrolled, so that detectors are compiled in place: a request that is judged asks all of them.
Evidence Detect(const ClientView& view) {
  const auto detect = [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    return Evidence{static_cast<float>(
        std::clamp(kDetectors[kIndex].detect(view), -kEvidenceMax, kEvidenceMax))...};
  };
  return detect(std::make_index_sequence<kDetectorCount>());
}

}  // namespace holdfast::guard
