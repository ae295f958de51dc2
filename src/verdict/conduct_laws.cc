#include "verdict/conduct_laws.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/mix.h"

namespace holdfast::verdict {
namespace {

// The first numbers of a hash as a uniform one in (0, 1).
double Uniform(std::uint64_t hash) { return (static_cast<double>(hash >> 11) + 0.5) * 0x1.0p-53; }

bool IsHeedable(Duration told) { return told.count() > 0 && told <= ConductLaws::kHeededMax; }

// A uniform sample of bounded size, whatever comes (algorithm R, its draws by hash).
template <typename T>
void Sample(std::vector<T>& sample, std::uint32_t& seen, std::size_t max, const T& value) {
  ++seen;
  if (sample.size() < max) {
    sample.push_back(value);
  } else if (const std::uint64_t place = Mix64(seen) % seen; place < max) {
    sample[place] = value;
  }
}

}  // namespace

std::uint16_t ConductLaws::KindOf(const Key& key) {
  const auto conduct = [](Route route, int standing, int batch, int tokens) {
    return std::uint64_t{1} << 40 | static_cast<std::uint64_t>(tokens) << 24 |
           static_cast<std::uint64_t>(route) << 16 | static_cast<std::uint64_t>(standing) << 8 |
           static_cast<std::uint64_t>(batch);
  };
  const std::uint16_t everybody = Find(0, 0, 0);
  const std::uint16_t by_route = Find(conduct(key.route, 0xFF, 0xFF, 0xFF), 0, everybody);
  const int standing = static_cast<int>(key.standing);
  const std::uint16_t by_class =
      Find(conduct(key.route, standing, key.is_batch, 0xFF), 0, by_route);
  const std::uint64_t own =
      conduct(key.route, standing, key.is_batch, std::bit_width(key.tokens_max));
  const std::uint16_t by_tokens = Find(own, 0, by_class);
  if (laws_.size() >= kKindsMax) return by_tokens;
  return Find(own, Mix64(key.group), by_tokens);
}

std::uint16_t ConductLaws::Find(std::uint64_t conduct, std::uint64_t group, std::uint16_t wider) {
  const auto [found, is_new] =
      index_.try_emplace({conduct, group}, static_cast<std::uint16_t>(laws_.size()));
  if (is_new) laws_.emplace_back().wider = wider;
  return found->second;
}

// Tells the kind and all wider ones.
template <typename Sees>
void ConductLaws::Each(std::uint16_t kind, Sees sees) {
  for (;;) {
    Law& law = laws_[kind];
    sees(law);
    if (law.wider == kind) return;
    kind = law.wider;
  }
}

// The narrowest law that has seen enough; the widest if none has.
template <typename IsEnough>
const ConductLaws::Law& ConductLaws::Narrowest(std::uint16_t kind, IsEnough is_enough) const {
  while (!is_enough(laws_[kind]) && laws_[kind].wider != kind) kind = laws_[kind].wider;
  return laws_[kind];
}

void ConductLaws::AddAnswer(std::uint16_t kind, std::uint32_t output_tokens) {
  Each(kind, [&](Law& law) { Sample(law.answers, law.answers_seen, kSamplesMax, output_tokens); });
}

void ConductLaws::AddWait(std::uint16_t kind, Duration wait, bool has_left) {
  Each(kind, [&](Law& law) {
    Sample(law.waits, law.waits_seen, kSamplesMax, std::pair(wait, has_left));
  });
}

void ConductLaws::AddLoss(std::uint16_t kind, LossKind loss, int attempt, Duration told,
                          std::optional<Duration> delay) {
  const int number = std::min(attempt, kAttemptsMax - 1);
  const bool is_heedable = IsHeedable(told);
  Each(kind, [&](Law& law) {
    ReturnLaw& returns = law.returns[static_cast<int>(loss)][number][is_heedable];
    ++returns.losses;
    if (!delay) return;
    Sample(returns.delays, returns.returns, kSamplesMax, {*delay, told});
  });
}

void ConductLaws::AddTurn(std::uint16_t kind, bool was_answered, std::optional<Duration> pause) {
  Each(kind, [&](Law& law) {
    TurnLaw& turn = law.turns[was_answered ? 1 : 0];
    ++turn.ends;
    if (pause) Sample(turn.pauses, turn.turns, kSamplesMax, *pause);
  });
}

// Kaplan and Meier's estimate of the share that still waits.
void ConductLaws::Finish() {
  for (Law& law : laws_) {
    std::ranges::sort(law.answers);
    // Who left at a time counts before those who were served then.
    std::ranges::sort(law.waits, [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first < b.first : a.second > b.second;
    });
    double staying = 1;
    law.staying.clear();
    for (std::size_t i = 0; i < law.waits.size(); ++i) {
      if (law.waits[i].second) staying *= 1 - 1.0 / static_cast<double>(law.waits.size() - i);
      law.staying.push_back(staying);
    }
  }
}

std::uint32_t ConductLaws::DrawAnswer(std::uint16_t kind, std::uint32_t at_least,
                                      std::uint64_t hash) const {
  const Law& law = Narrowest(kind, [](const Law& l) { return l.answers_seen >= kEnough; });
  const auto first = std::ranges::lower_bound(law.answers, at_least);
  const auto count = static_cast<std::uint64_t>(law.answers.end() - first);
  return count == 0 ? at_least : first[static_cast<std::ptrdiff_t>(hash % count)];
}

Duration ConductLaws::DrawPatience(std::uint16_t kind, Duration waited, std::uint64_t hash) const {
  const Law& law = Narrowest(kind, [](const Law& l) { return l.waits_seen >= kEnough; });
  const auto after = static_cast<std::size_t>(
      std::upper_bound(law.waits.begin(), law.waits.end(), waited,
                       [](Duration time, const auto& wait) { return time < wait.first; }) -
      law.waits.begin());
  const double left = Uniform(hash) * (after > 0 ? law.staying[after - 1] : 1);
  for (std::size_t i = after; i < law.waits.size(); ++i) {
    if (law.staying[i] <= left) return law.waits[i].first;
  }
  return Duration::max();
}

double ConductLaws::TurnShare(std::uint16_t kind, bool was_answered) const {
  const std::size_t which = was_answered ? 1 : 0;
  const Law& law = Narrowest(kind, [&](const Law& l) { return l.turns[which].ends >= kEnough; });
  const TurnLaw& turn = law.turns[which];
  return turn.ends > 0 ? turn.turns / turn.ends : 0;
}

Duration ConductLaws::DrawPause(std::uint16_t kind, std::uint64_t hash) const {
  const Law& law = Narrowest(kind, [](const Law& l) { return l.turns[1].turns >= kEnough; });
  const std::vector<Duration>& pauses = law.turns[1].pauses;
  return pauses.empty() ? Duration{0} : pauses[hash % pauses.size()];
}

ConductLaws::Return ConductLaws::DrawReturn(std::uint16_t kind, LossKind loss, int attempt,
                                            Duration told, std::uint64_t hash) const {
  const int number = std::min(attempt, kAttemptsMax - 1);
  const bool is_heedable = IsHeedable(told);
  const auto returns = [&](const Law& law) -> const ReturnLaw& {
    return law.returns[static_cast<int>(loss)][number][is_heedable];
  };
  const Law& law = Narrowest(kind, [&](const Law& l) { return returns(l).losses >= kEnough; });
  const ReturnLaw& own = returns(law);
  if (own.delays.empty() || Uniform(hash) * own.losses >= own.returns) return {};
  const auto& [delay, then_told] = own.delays[Mix64(hash) % own.delays.size()];
  return {.comes = true, .delay = Shift(delay, then_told, told)};
}

Duration ConductLaws::Shift(Duration delay, Duration then_told, Duration told) {
  if (!IsHeedable(told) || !IsHeedable(then_told) || delay < then_told) return delay;
  constexpr Duration kPunctual = std::chrono::seconds(2);
  const Duration late = delay - then_told;
  return late <= kPunctual ? told + late : std::max(delay, told);
}

}  // namespace holdfast::verdict
