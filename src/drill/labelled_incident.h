// LabelledIncident: a made-up incident whose cause is known, drawn from a seed: ordinary days of
// people and programs, and then a crowd, an attack, lost capacity, several of these at once, or
// something that the evidence cannot tell. Pure; the same seed and trace give the same incident.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "drill/ablation.h"
#include "drill/scenario.h"
#include "verdict/shapley.h"
#include "verdict/verdict.h"

namespace holdfast::drill {

// What kind of incident a seed draws, in equal parts.
enum class IncidentClass : std::uint8_t { kCrowd, kAttack, kLostCapacity, kMixed, kUnknown };
inline constexpr int kIncidentClassCount = static_cast<int>(IncidentClass::kUnknown) + 1;
// "crowd", "attack", "lost_capacity", "mixed", "unknown".
std::string_view IncidentClassWord(IncidentClass incident_class);
// The label that a right verdict has.
verdict::Label LabelOf(IncidentClass incident_class);

struct LabelledIncident {
  std::uint64_t seed = 0;
  IncidentClass incident_class = IncidentClass::kCrowd;
  Scenario scenario;
  Time onset{};  // When the first cause begins; all is ordinary before.
  Ablation ablation = Ablation::kNone;
  int redraws = 0;  // Drafts that were dropped: no loss, or no clear class.
  // By full simulations of the eight worlds, with true labels; not for kUnknown, whose evidence
  // is taken away, so that no share can be told.
  verdict::CauseValues shares{};
  double lost = 0;          // Honest wishes lost in the run as it was,
  double lost_at_best = 0;  // and in the world without any cause.
};

// What the honest side of an incident looks like, if not drawn from the seed alone.
struct IncidentTraffic {
  // At least half of the ordinary traffic is a stretch of this (trace_segment.h), at a load that
  // suits the engine, with the lengths of the trace; null: people and programs alone.
  std::shared_ptr<const std::vector<TracedRequest>> trace;
  Ablation ablation = Ablation::kNone;
};

// Draws until the incident is a clear case of its class: a single cause has at least
// kPureShare of the loss, a mixed one at most kMixedShare, and at least kLostMin wishes are lost.
// nullopt: none in kDraftsMax drafts.
inline constexpr double kPureShare = 0.88;
inline constexpr double kMixedShare = 0.72;
inline constexpr double kLostMin = 60;
inline constexpr int kDraftsMax = 32;
std::optional<LabelledIncident> MakeIncident(std::uint64_t seed, const IncidentTraffic& traffic);

// One draft of `incident_class`, not yet weighed.
LabelledIncident DraftIncident(std::uint64_t seed, IncidentClass incident_class,
                               const IncidentTraffic& traffic);
// Sets shares and losses by simulating the worlds.
void Weigh(LabelledIncident& incident);

}  // namespace holdfast::drill
