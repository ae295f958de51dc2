#include "guard/evidence/group_features.h"

#include <algorithm>
#include <cmath>

namespace holdfast::guard {
namespace {

constexpr double kPriorOccasions = 10;  // Weight of the ordinary conduct beside what was seen.

// Kullback-Leibler divergence of what the group did from what is ordinary: the expected evidence
// per client, in nats. Above 0 when it did it more often.
double Divergence(std::uint32_t done, std::uint32_t occasions, double ordinary) {
  if (occasions == 0) return 0;
  const double p =
      (std::min(done, occasions) + kPriorOccasions * ordinary) / (occasions + kPriorOccasions);
  const double nats = p * std::log(p / ordinary) + (1 - p) * std::log((1 - p) / (1 - ordinary));
  return p > ordinary ? nats : -nats;
}

// Clients of one make keep one pace; people's times between requests are spread widely.
double Evenness(const GapSums& gaps, double ordinary_deviation) {
  if (gaps.count < 4) return 0;
  const double deviation = std::max(0.05, gaps.Deviation());
  const double trust = gaps.count / (gaps.count + 2 * kPriorOccasions);
  return trust * std::clamp(std::log(ordinary_deviation / deviation), -0.3, 1.5);
}

}  // namespace

void MoveOn(GroupFeatures& group, std::uint32_t epoch, double rate, double weight) {
  for (; group.epoch != epoch; ++group.epoch) {
    if (rate > 0) {
      group.usual += static_cast<float>(rate * (group.clients * weight - group.usual));
    }
    if (group.clients == 0) {
      group.usual *= static_cast<float>(std::pow(1 - rate, epoch - group.epoch - 1));
      group.epoch = epoch;
      return;
    }
    HalveCounts(group);
  }
}

void HalveCounts(GroupFeatures& group) {
  group.clients /= 2;
  for (std::uint32_t& count : group.with) count /= 2;
  group.gaps.Halve();
}

void DoubleCounts(GroupFeatures& group) {
  group.clients *= 2;
  for (std::uint32_t& count : group.with) count *= 2;
  group.gaps.Add(GapSums(group.gaps));
}

void Learn(Conduct& ordinary, const GroupFeatures& group) {
  constexpr double kMemory = 200;  // Occasions that what was learned before stands for.
  const auto learn = [&](double& share, Trait trait, std::uint32_t occasions) {
    const double done = std::min(group.With(trait), occasions);
    share = std::clamp((kMemory * share + done) / (kMemory + occasions), 0.01, 0.99);
  };
  learn(ordinary.paged, Trait::kPaged, group.With(Trait::kEntered));
  learn(ordinary.dwelt, Trait::kDwelt, group.With(Trait::kPaged));
  learn(ordinary.read, Trait::kRead, group.With(Trait::kServed));
  learn(ordinary.thought, Trait::kThought, group.With(Trait::kReturned));
  learn(ordinary.overlapped, Trait::kOverlapped, group.With(Trait::kReturned));
  learn(ordinary.ignored, Trait::kIgnored, group.With(Trait::kTold));
  learn(ordinary.cut_short, Trait::kCutShort, group.With(Trait::kStreamed));
  learn(ordinary.repeated, Trait::kRepeated, group.With(Trait::kReturned));
  learn(ordinary.echoed, Trait::kEchoed, group.With(Trait::kAskedAgain));
  learn(ordinary.costly, Trait::kCostly, group.With(Trait::kEntered));
  learn(ordinary.guessed, Trait::kGuessed, group.With(Trait::kLoggedIn));
  learn(ordinary.stalled, Trait::kStalled, group.clients);
  const double gaps = group.gaps.count;
  if (gaps < 4) return;
  ordinary.gap_deviation =
      (kMemory * ordinary.gap_deviation + gaps * std::max(0.1, group.gaps.Deviation())) /
      (kMemory + gaps);
}

double Misconduct(const GroupFeatures& group, const Conduct& ordinary, Surface surface,
                  bool is_paged) {
  const auto lacks = [&](Trait trait, Trait occasion, double share) {
    return -Divergence(group.With(trait), group.With(occasion), share);
  };
  const auto exceeds = [&](Trait trait, Trait occasion, double share) {
    return Divergence(group.With(trait), group.With(occasion), share);
  };
  double nats = lacks(Trait::kRead, Trait::kServed, ordinary.read) +
                exceeds(Trait::kIgnored, Trait::kTold, ordinary.ignored) +
                exceeds(Trait::kCutShort, Trait::kStreamed, ordinary.cut_short) +
                exceeds(Trait::kRepeated, Trait::kReturned, ordinary.repeated) +
                exceeds(Trait::kEchoed, Trait::kAskedAgain, ordinary.echoed) +
                exceeds(Trait::kCostly, Trait::kEntered, ordinary.costly) +
                exceeds(Trait::kGuessed, Trait::kLoggedIn, ordinary.guessed) +
                lacks(Trait::kThought, Trait::kReturned, ordinary.thought) +
                exceeds(Trait::kOverlapped, Trait::kReturned, ordinary.overlapped) +
                Divergence(group.With(Trait::kStalled), group.clients, ordinary.stalled) +
                Evenness(group.gaps, ordinary.gap_deviation);
  if (surface == Surface::kWeb) {
    const double trust = group.clients / (group.clients + kPriorOccasions);
    if (is_paged) {
      nats += lacks(Trait::kDwelt, Trait::kPaged, ordinary.dwelt);
    } else {
      nats -= trust * std::log(1 - ordinary.paged);
    }
  }
  return std::clamp(nats, -kMisconductMax / 2, kMisconductMax);
}

}  // namespace holdfast::guard
