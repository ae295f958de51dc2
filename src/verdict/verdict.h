// Judge: attack, demand or lost capacity? The shares of the three causes in what honest people
// lost, by counterfactual replay, with the uncertainty of who is hostile carried through.
//
// Each draw says of every client whether it is hostile, by its odds, moving together within a
// group; the loss of the eight worlds with and without each cause gives the draw's shares
// (ShapleyShares). Published are medians and 5 % to 95 % of the draws. The world with all causes
// must come within 5 % of what was observed, else the verdict is unknown and says so.
//
// Pure and deterministic: the same input, options and seed give the same verdict to the bit. Cost
// is bounded by JudgeOptions::attempts_max.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "verdict/capacity_trace.h"
#include "verdict/engine/engine_model.h"
#include "verdict/journal.h"
#include "verdict/provision.h"
#include "verdict/shapley.h"
#include "verdict/words.h"

namespace holdfast::verdict {

// A probe that does what a user does, from outside the host.
struct OutsideProbe {
  Time time{};
  bool has_reached_host = true;
  double host_busy_share = 0;  // Engine places in use.
};

// Times are not negative.
struct JudgeInput {
  std::vector<JournalRecord> records{};  // By arrival; from before the onset until `now`.
  std::vector<JournalGap> gaps{};
  std::vector<ClusterScore>
      scores{};  // Unknown clients have the odds of their group, or the prior.
  std::vector<OutsideProbe> probes{};
  CapacityTrace capacity{};
  Provision provision{};
  AdmissionOptions admission;                                 // Nominal.
  EngineProfile engine;                                       // Nominal.
  Duration report_interval = std::chrono::milliseconds(250);  // Between reports of the engine.
  Time onset{};
  Time end = Time::max();  // Time::max(): still open.
  Time now{};
};

struct JudgeOptions {
  int draws = 16;  // 1..256.
  // Attempts replayed in all, about, as a limit on cost (around a million a second on one core).
  // What leads in is reduced first, then draws to 5, then the counted part of the incident.
  std::size_t attempts_max = 800'000;
  // Replayed before the counted time, to warm what learns: as much as fits, but a minute at least.
  Duration lead_in = std::chrono::minutes(5);
  Duration counted_max = std::chrono::minutes(10);  // Of the incident, where most was lost.
  double group_deviation = 2;  // Of the shift on log odds that a group has in common.
  double prior_log_odds = -4;  // Where nothing is known of a client or its group.
  // |replayed - observed| over observed loss, beside chance: two counts of independent events
  // differ by 1.6 roots of their sum in one case of ten, the journal is a sample, and near
  // saturation replays differ among themselves (twice the standard deviations of both are allowed).
  double fidelity_max = 0.05;
  double share_min = 0.80;      // A single cause has at least this share,
  double share_low_min = 0.65;  // with its interval above this if it is an attack, which accuses
                                // somebody; else above a half: it was most of the loss.
  double width_max = 0.50;      // Wider intervals say nothing.
  double lost_min = 6;          // Honest requests; fewer lost are no case.
};

enum class Label : std::uint8_t { kAttack, kDemand, kLostCapacity, kMixed, kUnknown };
inline constexpr int kLabelCount = static_cast<int>(Label::kUnknown) + 1;
std::string_view LabelWord(Label label);  // "attack", "demand", "lost_capacity", "mixed", ...
std::string_view CauseWord(Cause cause);  // "attack", "demand", "lost_capacity".

enum class WhyUnknown : std::uint8_t {
  kKnown,
  kNoLoss,         // Too little was lost to share out.
  kReplayDiffers,  // The replay does not reproduce what was observed.
  kJournalGap,     // The journal misses a part of the incident.
  kInFront,        // Probes from outside fail while the host is idle.
  kUnexplained,    // Most of it would have been lost without any of the causes.
  kTooUncertain,   // Intervals too wide.
  kTooLarge,       // Not even ten seconds fit JudgeOptions::attempts_max.
};
inline constexpr int kWhyUnknownCount = static_cast<int>(WhyUnknown::kTooLarge) + 1;
std::string_view WhyUnknownWord(WhyUnknown why);

struct Share {
  double median = 0;
  double low = 0;   // 5 % of the draws are below,
  double high = 0;  // and 5 % above.

  bool operator==(const Share&) const = default;
};

// What spoke for hostility, over the clients held to be hostile.
struct DetectorSummary {
  double clients = 0;  // Expected number of hostile clients in which it spoke for it.
  double llr = 0;      // Mean in these.

  bool operator==(const DetectorSummary&) const = default;
};

struct Verdict {
  Label label = Label::kUnknown;
  WhyUnknown why_unknown = WhyUnknown::kKnown;
  std::array<Share, kCauseCount> shares{};        // Of lost requests, by Cause.
  std::array<Share, kCauseCount> token_shares{};  // Of lost tokens.
  WorldLosses world_losses{};                     // Median over the draws, requests.

  Time onset{};
  Time time{};  // When judged.
  Time counted_from{};
  Time counted_to{};
  double counted_share = 0;  // Of the incident, replayed.
  int draws = 0;
  std::size_t attempts = 0;  // Replayed in all.

  // Honest logical requests in the counted time: medians over the draws.
  double requests = 0;
  double lost_observed = 0;
  double lost_replayed = 0;
  double lost_deviation = 0;    // Standard error of lost_observed by the journal's sampling.
  double replay_deviation = 0;  // Of lost_replayed, over draws and what is left to chance.
  double fidelity = 0;          // |replayed - observed| / observed.

  double hostile_clients = 0;  // Expected.
  double hostile_requests = 0;
  double clients = 0;
  double honest_refused = 0;   // Logical requests that were refused: expected, of honest
  double hostile_refused = 0;  // and of hostile clients.
  std::array<DetectorSummary, kDetectorCount> detectors{};

  bool operator==(const Verdict&) const = default;
};

Verdict Judge(const JudgeInput& input, std::uint64_t seed, const JudgeOptions& options = {});

}  // namespace holdfast::verdict
