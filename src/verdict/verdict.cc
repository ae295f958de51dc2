#include "verdict/verdict.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <ranges>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/mix.h"
#include "verdict/demand.h"
#include "verdict/hostility.h"
#include "verdict/replay.h"

namespace holdfast::verdict {
namespace {

constexpr int kDrawsMin = 5;
constexpr Duration kCountedMin = std::chrono::seconds(10);
// What came less long ago counts as not settled, whatever became of it.
constexpr Duration kSettleMin = std::chrono::seconds(2);
constexpr Duration kLeadInMin = std::chrono::minutes(1);
// Draws take turns with so many variants of what the journal does not say: near saturation the loss
// hangs on such things, and that is part of the uncertainty.
constexpr int kVariants = 4;
// Losses of so much of the time, or for so long, make a journal unfit to judge by.
constexpr double kGapShareMax = 0.05;
constexpr Duration kGapMax = std::chrono::seconds(3);
constexpr Duration kSilence = std::chrono::seconds(10);
constexpr double kSilenceExpected = 20;  // Records in quiet times, over as long.
constexpr int kSilenceOverPause = 3;     // Times the longest pause of quiet times.
// Probes that fail although the host has places free.
constexpr double kInFrontShare = 0.25;
constexpr double kIdleShare = 0.7;
constexpr double kHostileConnectionsMin = 3;
constexpr double kChance = 1.645;  // Standard deviations of a 90 % interval.
constexpr double kUnexplainedMax = 0.5;
constexpr double kSpeaksMin = 0.5;  // Nats from which a detector speaks for hostility.

double Quantile(std::vector<double> values, double share) {
  CHECK(!values.empty());
  std::ranges::sort(values);
  const double at = share * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (at - static_cast<double>(low)) * (values[high] - values[low]);
}

double Deviation(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  double squares = 0;
  for (const double value : values) sum += value;
  for (const double value : values) squares += (value - sum / count) * (value - sum / count);
  return count > 1 ? std::sqrt(squares / (count - 1)) : 0;
}

Share ShareOf(const std::vector<double>& values) {
  return {.median = Quantile(values, 0.5),
          .low = Quantile(values, 0.05),
          .high = Quantile(values, 0.95)};
}

// What one draw came to.
struct DrawResult {
  WorldLosses lost{};
  WorldLosses tokens{};
  Losses observed;
  double observed_variance = 0;
};

class Judgement {
 public:
  Judgement(const JudgeInput& input, std::uint64_t seed, const JudgeOptions& options)
      : input_(input), seed_(seed), options_(options) {
    CHECK(options.draws >= 1 && options.draws <= 256);
  }

  Verdict Judge() {
    verdict_.onset = input_.onset;
    verdict_.time = input_.now;
    SummarizeEvidence();
    if (const WhyUnknown why = WhyUnfit(); why != WhyUnknown::kKnown) return Unknown(why);
    if (const WhyUnknown why = ChooseTime(); why != WhyUnknown::kKnown) return Unknown(why);
    Describe();
    for (int draw = 0; draw < verdict_.draws; ++draw) results_.push_back(RunDraw(draw));
    Summarize();
    verdict_.why_unknown = WhyUncertain();
    if (verdict_.why_unknown == WhyUnknown::kKnown) verdict_.label = LabelOf();
    return verdict_;
  }

 private:
  // Everything that a variant's draws share.
  struct Variant {
    LogicalRequests requests;
    std::vector<Fate> observed;
    std::map<int, std::vector<Fate>> fates;  // Of worlds that do not depend on who is hostile.
  };

  Verdict Unknown(WhyUnknown why) {
    verdict_.why_unknown = why;
    return verdict_;
  }

  Time End() const { return std::min(input_.end, input_.now); }

  WhyUnknown WhyUnfit() const {
    if (IsInFront()) return WhyUnknown::kInFront;
    if (HasGap()) return WhyUnknown::kJournalGap;
    return WhyUnknown::kKnown;
  }

  bool IsInFront() const {
    double all = 0;
    double failed = 0;
    double busy = 0;
    for (const OutsideProbe& probe : input_.probes) {
      if (probe.time < input_.onset || probe.time >= End()) continue;
      ++all;
      if (probe.has_reached_host) continue;
      ++failed;
      busy += probe.host_busy_share;
    }
    return failed > 0 && failed >= kInFrontShare * all && busy <= kIdleShare * failed;
  }

  bool HasGap() const {
    Duration missing{0};
    const Time from = input_.onset - LeadInMin();
    for (const JournalGap& gap : input_.gaps) {
      missing += std::max(std::min(gap.to, End()) - std::max(gap.from, from), Duration{0});
    }
    const double share = ToSeconds(missing) / std::max(ToSeconds(End() - from), 1e-6);
    return missing > kGapMax || share > kGapShareMax || IsSilent();
  }

  // Nothing at all came for a while although much is usual: the journal was not written. Some
  // traffic comes in bursts; what is a silence there its quiet time says.
  bool IsSilent() const {
    const auto is_before = [&](const JournalRecord& record) {
      return record.arrival < input_.onset;
    };
    const auto first = std::ranges::find_if_not(input_.records, is_before);
    if (first == input_.records.begin()) return false;
    const double before = static_cast<double>(first - input_.records.begin());
    const double seconds = ToSeconds(input_.onset - input_.records.front().arrival);
    if (before * ToSeconds(kSilence) < kSilenceExpected * std::max(seconds, 1.0)) return false;
    const Duration usual =
        LongestPause(input_.records.begin(), first, input_.records.front().arrival);
    const Duration silence = std::max(kSilence, kSilenceOverPause * usual);
    const Duration longest = LongestPause(first, input_.records.end(), input_.onset);
    const Time last = std::max(input_.records.back().arrival, input_.onset);
    return longest > silence || End() - last > silence;
  }

  using Records = std::vector<JournalRecord>::const_iterator;

  // Between arrivals, the first of them `since`.
  static Duration LongestPause(Records first, Records last, Time since) {
    Duration longest{0};
    for (; first != last; ++first) {
      longest = std::max(longest, first->arrival - since);
      since = first->arrival;
    }
    return longest;
  }

  // Attempts, about.
  struct Cost {
    double shared = 0;
    double per_draw = 0;

    double Total(int draws) const { return shared + draws * per_draw; }
  };

  // Until when it is known what became of all that came. A request may wait or come again for as
  // long as a first token may take; it is settled earlier where all have theirs or were sent away.
  Time SettledUntil() const {
    const Time latest = input_.now - kSettleMin;
    const Time earliest = input_.now - input_.admission.level.first_token_max;
    for (const JournalRecord& record : input_.records) {
      const bool still_waits = record.is_open && record.first_token == Duration{0};
      if (still_waits && record.arrival >= earliest) return std::min(record.arrival, latest);
    }
    return latest;
  }

  // The part of the incident that is counted, and the draws, by what they will cost.
  WhyUnknown ChooseTime() {
    const Time end = std::min(input_.end, SettledUntil());
    const Duration whole = end - input_.onset;
    if (whole < kCountedMin / 2) return WhyUnknown::kNoLoss;
    Duration counted = std::min(whole, options_.counted_max);
    MeasureLosses(end);
    SetCounted(end, counted);
    // Every variant is replayed with everybody at least once.
    const double weight_max = static_cast<double>(options_.attempts_max) / kVariants;
    while (Weight() > weight_max && lead_in_ > LeadInMin()) {
      lead_in_ = std::max(lead_in_ / 2, LeadInMin());
      SetCounted(end, counted);
    }
    for (double weight = Weight(); weight > weight_max; weight = Weight()) {
      const double part = std::clamp(0.95 * weight_max / weight, 0.25, 0.95);
      counted = FromSeconds(part * ToSeconds(counted));
      if (counted < kCountedMin) return WhyUnknown::kTooLarge;
      SetCounted(end, counted);
    }
    Prepare();
    const double total_max = static_cast<double>(options_.attempts_max);
    Cost cost = CostOf();
    if (lead_in_ > LeadInMin() && cost.Total(options_.draws) > total_max) {
      lead_in_ = LeadInMin();
      SetCounted(end, counted);
      Prepare();
      cost = CostOf();
    }
    const double total = ChooseDraws(cost);
    if (total > total_max) {
      counted = FromSeconds((ToSeconds(counted + lead_in_) * (total_max / total))) - lead_in_;
      if (counted < kCountedMin) return WhyUnknown::kTooLarge;
      SetCounted(end, counted);
      Prepare();
    }
    verdict_.counted_share = ToSeconds(counted) / ToSeconds(whole);
    return WhyUnknown::kKnown;
  }

  // As many as there is room for, and what they cost together.
  double ChooseDraws(const Cost& cost) {
    verdict_.draws = options_.draws;
    const double room = static_cast<double>(options_.attempts_max) - cost.shared;
    if (room < options_.draws * cost.per_draw) {
      verdict_.draws = std::min(kDrawsMin, options_.draws);
      if (cost.per_draw > 0 && room > 0) {
        verdict_.draws =
            std::clamp(static_cast<int>(room / cost.per_draw), verdict_.draws, options_.draws);
      }
    }
    return cost.Total(verdict_.draws);
  }

  Duration LeadInMin() const { return std::min(options_.lead_in, kLeadInMin); }

  // What the edge refuses costs a replay little.
  static double CostOf(Refusal refusal) { return IsByEdge(refusal) ? 0.2 : 1; }

  // Attempts in the replayed time.
  double Weight() const {
    double weight = 0;
    for (const JournalRecord& record : input_.records) {
      if (record.arrival < from_ || record.arrival >= to_) continue;
      weight += static_cast<double>(record.weight) * CostOf(record.refusal);
    }
    return weight;
  }

  // By second from the onset: attempts that were lost, each as far as its client is honest.
  void MeasureLosses(Time end) {
    std::unordered_map<std::uint64_t, double> honest;  // Looked up only.
    for (const ClusterScore& score : input_.scores) {
      honest.emplace(score.client, 1 - score.probability());
    }
    lost_by_second_.assign(SecondsFrom(end) + 1, 0);
    for (const JournalRecord& record : input_.records) {
      if (record.arrival < input_.onset || record.arrival >= end || record.attempt > 0) continue;
      if (!WasLost(record, input_.admission.level)) continue;
      const auto known = honest.find(record.client);
      const double share = known == honest.end() ? 1 : known->second;
      lost_by_second_[SecondsFrom(record.arrival)] += share * static_cast<double>(record.weight);
    }
  }

  std::size_t SecondsFrom(Time time) const {
    return static_cast<std::size_t>((time - input_.onset) / std::chrono::seconds(1));
  }

  // The part of the incident in which most was lost; of equal ones the first.
  void SetCounted(Time end, Duration counted) {
    const auto length = static_cast<std::size_t>(counted / std::chrono::seconds(1));
    const auto last =
        static_cast<std::size_t>((end - counted - input_.onset) / std::chrono::seconds(1));
    double sum = std::accumulate(lost_by_second_.begin(),
                                 lost_by_second_.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                               length, lost_by_second_.size())),
                                 0.0);
    double most = sum;
    std::size_t best = 0;
    for (std::size_t start = 1; start <= last; ++start) {
      sum -= lost_by_second_[start - 1];
      if (start + length - 1 < lost_by_second_.size()) sum += lost_by_second_[start + length - 1];
      if (sum <= most) continue;
      most = sum;
      best = start;
    }
    verdict_.counted_from = input_.onset + best * std::chrono::seconds(1);
    verdict_.counted_to = verdict_.counted_from + counted;
    from_ = std::max(verdict_.counted_from - lead_in_, Time{});
    to_ = std::min(verdict_.counted_to + input_.admission.level.first_token_max, input_.now);
  }

  void Prepare() {
    variants_.clear();
    for (int v = 0; v < kVariants; ++v) {
      Variant& variant = variants_.emplace_back();
      variant.requests = BuildLogicalRequests(input_.records, {.from = from_, .to = to_},
                                              Mix64(seed_, static_cast<std::uint64_t>(v)));
      variant.observed = ObservedFates(variant.requests, input_.admission.level);
    }
    hostility_.emplace(variants_[0].requests.clients, input_.scores,
                       HostilityOptions{.group_deviation = options_.group_deviation,
                                        .prior_log_odds = options_.prior_log_odds});
    is_reduced_ = input_.capacity.IsReduced(from_, to_);
  }

  Cost CostOf() const {
    const LogicalRequests& requests = variants_[0].requests;
    std::vector<std::uint8_t> likely(requests.clients.size());
    for (std::uint32_t i = 0; i < likely.size(); ++i) likely[i] = hostility_->probability(i) > 0.5;
    double all = 0;
    double honest = 0;
    for (const LogicalRequest& request : requests.requests) {
      double cost = 0;
      for (const ObservedAttempt& attempt : requests.AttemptsOf(request)) {
        cost += CostOf(attempt.refusal);
      }
      all += cost;
      if (likely[request.client] == 0) honest += cost;
    }
    const bool has_excess = DemandOf(requests, likely).has_excess();
    const double capacities = is_reduced_ ? 2 : 1;
    const bool is_sure = std::ranges::all_of(
        std::views::iota(0U, static_cast<std::uint32_t>(likely.size())), [&](std::uint32_t i) {
          const double p = hostility_->probability(i);
          return p < 1e-4 || p > 1 - 1e-4;
        });
    Cost cost{.shared = kVariants * capacities * all,
              .per_draw = capacities * (has_excess ? 2 * honest + all : honest)};
    // Draws that agree are replayed once.
    if (is_sure) cost.per_draw *= static_cast<double>(kVariants) / options_.draws;
    return cost;
  }

  Demand DemandOf(const LogicalRequests& requests, std::span<const std::uint8_t> hostile,
                  std::span<const Time> arrivals = {}) const {
    return Demand(requests, hostile, input_.provision, input_.admission, from_, to_, arrivals);
  }

  DrawResult RunDraw(int draw) {
    const std::vector<std::uint8_t> is_hostile =
        hostility_->Draw(draw, verdict_.draws, Mix64(seed_, kDrawSalt));
    const int v = draw % kVariants;
    std::uint64_t name = static_cast<std::uint64_t>(v);
    for (const std::uint8_t hostile : is_hostile) name = Mix64(name, hostile);
    const auto [known, is_new] = known_.try_emplace(name, draw);
    if (!is_new) return results_[static_cast<std::size_t>(known->second)];

    Variant& variant = variants_[static_cast<std::size_t>(v)];
    // What honest callers want shows where neither hostile traffic nor lost capacity turns them
    // away: people who were turned away asked for less.
    const Demand seen = DemandOf(variant.requests, is_hostile);
    ReplayInput replay = ReplayOf(variant, seen, is_hostile);
    constexpr CausePresence kDemandAlone{.demand = true};
    const ReplayResult wanted = Replay(replay, kDemandAlone);
    verdict_.attempts += wanted.attempts;
    const Demand demand = DemandOf(variant.requests, is_hostile, wanted.arrivals);
    replay.demand = &demand;
    DrawResult result{.observed = CountLosses(replay, variant.observed)};
    result.observed_variance = SamplingVariance(replay, variant);
    const bool has_hostile =
        has_hostile_connections_ || std::ranges::find(is_hostile, 1) != is_hostile.end();
    std::map<int, Losses> worlds{{kDemandAlone.world(), CountLosses(replay, wanted.fates)}};
    for (int world = 0; world < kWorldCount; ++world) {
      CausePresence presence = CausePresence::Of(world);
      presence.hostile = presence.hostile && has_hostile;
      presence.demand = presence.demand || !demand.has_excess();
      presence.lost_capacity = presence.lost_capacity && is_reduced_;
      const auto [at, is_first] = worlds.try_emplace(presence.world());
      if (is_first) at->second = RunWorld(variant, replay, presence);
      result.lost[static_cast<std::size_t>(world)] = at->second.lost;
      result.tokens[static_cast<std::size_t>(world)] = at->second.tokens;
    }
    return result;
  }

  ReplayInput ReplayOf(const Variant& variant, const Demand& demand,
                       std::span<const std::uint8_t> is_hostile) const {
    return {.requests = &variant.requests,
            .capacity = &input_.capacity,
            .demand = &demand,
            .is_hostile = is_hostile,
            .admission = input_.admission,
            .engine = input_.engine,
            .report_interval = input_.report_interval,
            .has_hostile_connections = has_hostile_connections_,
            .from = from_,
            .count_from = verdict_.counted_from,
            .count_to = verdict_.counted_to,
            .to = to_};
  }

  Losses RunWorld(Variant& variant, const ReplayInput& replay, CausePresence presence) {
    // With everybody there, who is hostile decides only whose losses count.
    const bool is_shared = presence.hostile && presence.demand;
    if (!is_shared) {
      const ReplayResult result = Replay(replay, presence);
      verdict_.attempts += result.attempts;
      return CountLosses(replay, result.fates);
    }
    const auto [fates, is_new] = variant.fates.try_emplace(presence.world());
    if (is_new) {
      ReplayResult result = Replay(replay, presence);
      verdict_.attempts += result.attempts;
      fates->second = std::move(result.fates);
    }
    return CountLosses(replay, fates->second);
  }

  // Of the observed loss: of a client that stands for n, kept with 1 / n, the square of what it
  // lost times n (n - 1); `lost` counts its copies.
  static double SamplingVariance(const ReplayInput& replay, const Variant& variant) {
    std::vector<double> lost(variant.requests.clients.size());
    for (std::size_t i = 0; i < variant.requests.requests.size(); ++i) {
      const LogicalRequest& request = variant.requests.requests[i];
      const bool is_counted =
          request.arrival >= replay.count_from && request.arrival < replay.count_to;
      if (!is_counted || request.attempt > 0 || replay.is_hostile[request.client] != 0) continue;
      if (variant.observed[i] == Fate::kLost) ++lost[request.client];
    }
    double variance = 0;
    for (std::size_t i = 0; i < lost.size(); ++i) {
      variance += (1 - 1 / variant.requests.clients[i].clients) * lost[i] * lost[i];
    }
    return variance;
  }

  void SummarizeEvidence() {
    double connections = 0;
    for (const ClusterScore& score : input_.scores) {
      const double hostile = score.probability() * score.weight;
      if (score.requests == 0) connections += hostile;
      for (std::size_t d = 0; d < verdict_.detectors.size(); ++d) {
        if (score.llr[d] < kSpeaksMin) continue;
        verdict_.detectors[d].clients += hostile;
        verdict_.detectors[d].llr += hostile * static_cast<double>(score.llr[d]);
      }
    }
    for (DetectorSummary& detector : verdict_.detectors) {
      if (detector.clients > 0) detector.llr /= detector.clients;
    }
    has_hostile_connections_ = connections >= kHostileConnectionsMin;
  }

  // Expectations over who is hostile.
  void Describe() {
    const LogicalRequests& requests = variants_[0].requests;
    for (std::uint32_t i = 0; i < requests.clients.size(); ++i) {
      verdict_.clients += requests.clients[i].clients;
      verdict_.hostile_clients += requests.clients[i].clients * hostility_->probability(i);
    }
    for (const LogicalRequest& request : requests.requests) {
      if (request.arrival < verdict_.counted_from || request.arrival >= verdict_.counted_to) {
        continue;
      }
      const double hostile = hostility_->probability(request.client);
      verdict_.hostile_requests += hostile;
      const bool was_refused = std::ranges::any_of(
          requests.AttemptsOf(request),
          [](const ObservedAttempt& attempt) { return attempt.ending == Ending::kRefused; });
      if (!was_refused) continue;
      verdict_.hostile_refused += hostile;
      verdict_.honest_refused += 1 - hostile;
    }
  }

  template <typename Read>
  std::vector<double> Each(Read read) const {
    std::vector<double> values;
    std::ranges::transform(results_, std::back_inserter(values), read);
    return values;
  }

  void Summarize() {
    for (std::size_t cause = 0; cause < kCauseCount; ++cause) {
      verdict_.shares[cause] =
          ShareOf(Each([&](const DrawResult& draw) { return ShapleyShares(draw.lost)[cause]; }));
      verdict_.token_shares[cause] =
          ShareOf(Each([&](const DrawResult& draw) { return ShapleyShares(draw.tokens)[cause]; }));
    }
    const auto median = [&](auto read) { return Quantile(Each(read), 0.5); };
    for (std::size_t world = 0; world < kWorldCount; ++world) {
      verdict_.world_losses[world] =
          median([&](const DrawResult& draw) { return draw.lost[world]; });
    }
    verdict_.requests = median([](const DrawResult& draw) { return draw.observed.requests; });
    verdict_.lost_observed = median([](const DrawResult& draw) { return draw.observed.lost; });
    verdict_.lost_replayed = median([](const DrawResult& draw) { return draw.lost.back(); });
    verdict_.lost_deviation =
        std::sqrt(median([](const DrawResult& draw) { return draw.observed_variance; }));
    verdict_.replay_deviation =
        Deviation(Each([](const DrawResult& draw) { return draw.lost.back(); }));
    verdict_.fidelity = std::abs(verdict_.lost_replayed - verdict_.lost_observed) /
                        std::max(verdict_.lost_observed, 1.0);
  }

  WhyUnknown WhyUncertain() const {
    const double observed = verdict_.lost_observed;
    if (observed < options_.lost_min) return WhyUnknown::kNoLoss;
    const double chance = kChance * std::sqrt(observed + verdict_.lost_replayed) +
                          2 * (verdict_.lost_deviation + verdict_.replay_deviation);
    if (std::abs(verdict_.lost_replayed - observed) > options_.fidelity_max * observed + chance) {
      return WhyUnknown::kReplayDiffers;
    }
    const WorldLosses& worlds = verdict_.world_losses;
    if (worlds.front() > kUnexplainedMax * worlds.back()) return WhyUnknown::kUnexplained;
    if (IsSingle(Largest())) return WhyUnknown::kKnown;
    for (const Share& share : verdict_.shares) {
      if (share.high - share.low > options_.width_max) return WhyUnknown::kTooUncertain;
    }
    return WhyUnknown::kKnown;
  }

  Cause Largest() const {
    const auto largest = std::ranges::max_element(verdict_.shares, {}, &Share::median);
    return static_cast<Cause>(largest - verdict_.shares.begin());
  }
  bool IsSingle(Cause cause) const {
    constexpr double kMost = 0.5;
    const Share& share = verdict_.shares[static_cast<std::size_t>(cause)];
    const double low_min = cause == Cause::kHostile ? options_.share_low_min : kMost;
    return share.median >= options_.share_min && share.low > low_min;
  }

  Label LabelOf() const {
    return IsSingle(Largest()) ? static_cast<Label>(Largest()) : Label::kMixed;
  }

  static constexpr std::uint64_t kDrawSalt = 0xD7A3;

  const JudgeInput& input_;
  const std::uint64_t seed_;
  const JudgeOptions& options_;
  Verdict verdict_;
  std::vector<double> lost_by_second_;
  Duration lead_in_ = options_.lead_in;
  Time from_{};  // Of the replay.
  Time to_{};
  std::vector<Variant> variants_;
  std::optional<Hostility> hostility_;
  std::map<std::uint64_t, int> known_;  // Draws by who is hostile.
  std::vector<DrawResult> results_;
  bool is_reduced_ = false;
  bool has_hostile_connections_ = false;
};

}  // namespace

std::string_view LabelWord(Label label) {
  constexpr std::array<std::string_view, kLabelCount> kWords = {"attack", "demand", "lost_capacity",
                                                                "mixed", "unknown"};
  return kWords[static_cast<std::size_t>(label)];
}

std::string_view CauseWord(Cause cause) { return LabelWord(static_cast<Label>(cause)); }

std::string_view WhyUnknownWord(WhyUnknown why) {
  constexpr std::array<std::string_view, kWhyUnknownCount> kWords = {
      "known",    "no_loss",     "replay_differs", "journal_gap",
      "in_front", "unexplained", "too_uncertain",  "too_large"};
  return kWords[static_cast<std::size_t>(why)];
}

Verdict Judge(const JudgeInput& input, std::uint64_t seed, const JudgeOptions& options) {
  return Judgement(input, seed, options).Judge();
}

}  // namespace holdfast::verdict
