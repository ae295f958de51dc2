// What clients that look alike have in common: how many they are now beside what is usual, and how
// they behave beside what is ordinary. Value types of ClusterTable.
//
// The ways in which clients are grouped are four. Each but the door also tells apart newcomers from
// others, web from programs, and those who came by a page from those who did not: bots in a
// browser's clothes must not hide among the people who wear the same, nor stain them.
#pragma once

#include <array>
#include <cstdint>

#include "guard/clock.h"
#include "guard/evidence/baseline.h"
#include "guard/evidence/features.h"

namespace holdfast::guard {

enum class GroupKind : std::uint8_t {
  kDoor,         // Newcomer, standing, route of entering, came by a page: nothing else.
  kFingerprint,  // The same headers and TLS hello.
  kPrefix,       // The same network.
  kPayload,      // Near-equal prompts.
};
inline constexpr int kGroupKindCount = static_cast<int>(GroupKind::kPayload) + 1;

// Times in which a group was more than twice what the growth of trusted clients explains.
struct Surge {
  Time first{};  // When the first of large ones began that are less than kSurgeMemory apart,
  Time since{};  // and when this one did.
  Time until{};
  float excess = 0;      // The most.
  float misconduct = 0;  // While the group was near its largest.
};

inline constexpr Duration kSurgeMemory = std::chrono::minutes(10);

struct GroupFeatures {
  std::uint32_t clients = 0;  // Sampled; times ClusterTable::weight() estimates all.
  std::uint32_t epoch = 0;    // Of the counts; they halve with each.
  std::array<std::uint32_t, kTraitCount> with{};
  GapSums gaps{};
  float usual = 0;       // `clients` in quiet time, estimated for all.
  float excess = 0;      // At `assessed`: log of clients over what is explained; >= 0.
  float misconduct = 0;  // And nats per client by which its members behave worse than is ordinary.
  std::uint32_t assessed = 0;  // Tick.
  Surge surge{};

  std::uint32_t With(Trait trait) const { return with[static_cast<int>(trait)]; }
};

// Below so many sampled clients a group says nothing beyond what each of them says.
inline constexpr std::uint32_t kGroupClientsMin = 8;
inline constexpr double kExcessMax = 6;
inline constexpr float kSurgeExcess = 0.7F;  // Twice what is explained: a surge.

// Moves a group's counts on to `epoch`; learns what is usual at `rate` (0: does not) from counts
// that stand for `weight` clients each.
void MoveOn(GroupFeatures& group, std::uint32_t epoch, double rate, double weight);

// When every other client leaves the sample, or as many join it.
void HalveCounts(GroupFeatures& group);
void DoubleCounts(GroupFeatures& group);

// Moves the ordinary conduct towards what these clients did, a little with each epoch.
void Learn(Conduct& ordinary, const GroupFeatures& group);

// Nats per client by which the group's conduct speaks for bots, at most kMisconductMax; negative
// when it is better than ordinary. Evidence from few occasions is shrunk towards none.
double Misconduct(const GroupFeatures& group, const Conduct& ordinary, Surface surface,
                  bool is_paged);
inline constexpr double kMisconductMax = 4;

}  // namespace holdfast::guard
