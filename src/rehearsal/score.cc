#include "rehearsal/score.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace holdfast::rehearsal {
namespace {

constexpr double kRecoveredShare = 0.99;
constexpr double kRecoveryWindowS = 3;
constexpr double kRecoveryStepS = 0.25;
constexpr double kUnnoticedMs = 100;

double Seconds(Micros at) { return static_cast<double>(at) / 1e6; }
double Millis(Micros from, Micros to) { return static_cast<double>(to - from) / 1e3; }

// Words by which a service says no to who asks, not to what there is room for.
bool IsOfTheCaller(std::string_view reason) {
  constexpr std::array<std::string_view, 6> kWords = {"your_rate",          "your_concurrency",
                                                      "challenge_required", "under_attack",
                                                      "forbidden",          "account_paused"};
  return std::ranges::find(kWords, reason) != kWords.end();
}

bool IsGood(const Attempt& attempt, const Plan& plan, Micros since) {
  if (attempt.act != Act::kChat || attempt.end != End::kDone || attempt.tokens == 0) return false;
  const ServiceLevel& slo = plan.slo;
  const double tokens = attempt.tokens;
  if (!plan.groups[attempt.group].is_streamed) {
    return Millis(since, attempt.ended) <= slo.first_token_ms + tokens * slo.token_interval_ms;
  }
  const double interval_ms =
      tokens > 1 ? Millis(attempt.first_token, attempt.last_token) / (tokens - 1) : 0;
  return Millis(since, attempt.first_token) <= slo.first_token_ms &&
         interval_ms <= slo.token_interval_ms;
}

struct Wish {
  std::uint32_t group = 0;
  Micros due = 0;
  bool is_good = false;
  bool is_blocked = false;
};
using Wishes = std::unordered_map<std::uint64_t, Wish>;

// The wishes for answers: due when their first attempt was.
Wishes WishesOf(const Record& record) {
  Wishes wishes;
  for (const Attempt& attempt : record.attempts) {
    if (attempt.act != Act::kChat) continue;
    const auto [at, is_new] =
        wishes.try_emplace(attempt.wish, Wish{.group = attempt.group, .due = attempt.due});
    at->second.due = std::min(at->second.due, attempt.due);
  }
  for (const Attempt& attempt : record.attempts) {
    const auto found = wishes.find(attempt.wish);
    if (attempt.act != Act::kChat || found == wishes.end()) continue;
    Wish& wish = found->second;
    wish.is_good = wish.is_good || IsGood(attempt, record.plan, wish.due);
    wish.is_blocked =
        wish.is_blocked || (attempt.end == End::kRefused && IsOfTheCaller(attempt.reason));
  }
  return wishes;
}

// A tally under way: what its spreads are made of.
struct Counting {
  Tally tally;
  std::vector<double> first_tokens_ms;
  std::vector<double> refusals_ms;

  void Add(const Attempt& attempt, const Plan& plan) {
    if (attempt.act != Act::kChat) return;
    ++tally.attempts;
    ++tally.ends[static_cast<int>(attempt.end)];
    tally.tokens += attempt.tokens;
    if (IsGood(attempt, plan, attempt.begun)) ++tally.good_answers;
    if (attempt.first_token != kNever) {
      first_tokens_ms.push_back(Millis(attempt.begun, attempt.first_token));
    }
    if (attempt.end != End::kRefused) return;
    ++tally.refused_by_status[attempt.status];
    ++tally.refused_by_reason[attempt.reason];
    refusals_ms.push_back(Millis(attempt.begun, attempt.ended));
  }
  void Add(const Wish& wish) {
    ++tally.wishes;
    tally.good_wishes += wish.is_good ? 1 : 0;
    tally.blocked_wishes += wish.is_blocked ? 1 : 0;
  }
  Tally Done() {
    tally.first_token = SpreadOf(std::move(first_tokens_ms));
    tally.refusal = SpreadOf(std::move(refusals_ms));
    return std::move(tally);
  }
};

bool IsHonest(const Record& record, std::uint32_t group) {
  return record.plan.groups[group].label == Label::kHonest;
}

void ScoreGroups(const Record& record, const Wishes& wishes, Score& score) {
  std::vector<Counting> groups(record.plan.groups.size());
  std::array<Counting, kLabelCount> labels;
  const auto label_of = [&](std::uint32_t group) -> Counting& {
    return labels[static_cast<int>(record.plan.groups[group].label)];
  };
  for (const Attempt& attempt : record.attempts) {
    groups[attempt.group].Add(attempt, record.plan);
    label_of(attempt.group).Add(attempt, record.plan);
    const int label = static_cast<int>(record.plan.groups[attempt.group].label);
    ActTally& act = score.acts[label][static_cast<int>(attempt.act)];
    ++act.attempts;
    if (attempt.end == End::kDone) ++act.done;
    if (attempt.end == End::kRefused) ++act.refused;
  }
  for (const auto& [number, wish] : wishes) {
    groups[wish.group].Add(wish);
    label_of(wish.group).Add(wish);
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const Group& group = record.plan.groups[i];
    score.groups.push_back(
        {group.name, std::string(GroupKindWord(group.kind)), group.label, groups[i].Done()});
  }
  for (int i = 0; i < kLabelCount; ++i) score.labels[i] = labels[i].Done();
}

void ScorePhases(const Record& record, const Wishes& wishes, Score& score) {
  for (const Phase& phase : record.plan.phases) {
    const auto is_in = [&](Micros at) {
      return Seconds(at) >= phase.start_s && Seconds(at) < phase.end_s;
    };
    Counting counting;
    std::uint64_t good_answers = 0;
    for (const Attempt& attempt : record.attempts) {
      if (!IsHonest(record, attempt.group)) continue;
      if (is_in(attempt.due)) counting.Add(attempt, record.plan);
      if (is_in(attempt.ended) && IsGood(attempt, record.plan, attempt.begun)) ++good_answers;
    }
    for (const auto& [number, wish] : wishes) {
      if (IsHonest(record, wish.group) && is_in(wish.due)) counting.Add(wish);
    }
    const double seconds = phase.end_s - phase.start_s;
    PhaseScore done{.phase = phase, .tally = counting.Done()};
    done.wishes_per_s = static_cast<double>(done.tally.wishes) / seconds;
    done.good_answers_per_s = static_cast<double>(good_answers) / seconds;
    score.phases.push_back(std::move(done));
  }
}

void ScoreSeconds(const Record& record, const Wishes& wishes, Score& score) {
  score.by_second.resize(static_cast<std::size_t>(std::ceil(record.plan.seconds)));
  std::vector<std::vector<double>> first_tokens(score.by_second.size());
  const auto second_of = [&](Micros at) {
    return std::min(static_cast<std::size_t>(std::max<Micros>(at, 0) / 1'000'000),
                    score.by_second.size());
  };
  for (const Attempt& attempt : record.attempts) {
    const std::size_t at = second_of(attempt.ended);
    if (attempt.act != Act::kChat || at == score.by_second.size()) continue;
    SecondScore& second = score.by_second[at];
    if (!IsHonest(record, attempt.group)) {
      second.hostile_answers += attempt.end == End::kDone ? 1 : 0;
      continue;
    }
    second.good_answers += IsGood(attempt, record.plan, attempt.begun) ? 1 : 0;
    second.honest_refused += attempt.end == End::kRefused ? 1 : 0;
    const std::size_t first = second_of(attempt.first_token);
    if (attempt.first_token != kNever && first < first_tokens.size()) {
      first_tokens[first].push_back(Millis(attempt.begun, attempt.first_token));
    }
  }
  for (const auto& [number, wish] : wishes) {
    const std::size_t at = second_of(wish.due);
    if (IsHonest(record, wish.group) && at < score.by_second.size()) {
      score.by_second[at].honest_wishes += 1;
    }
  }
  for (std::size_t i = 0; i < first_tokens.size(); ++i) {
    score.by_second[i].first_token_p99_ms = SpreadOf(std::move(first_tokens[i])).p99_ms;
  }
}

void ScoreWaits(const Record& record, Score& score) {
  std::vector<double> errors_ms;
  WaitScore& waits = score.waits;
  for (const Attempt& attempt : record.attempts) {
    if (attempt.wait_told_at == kNever) continue;
    ++waits.told;
    if (attempt.first_token == kNever) continue;
    ++waits.ended;
    const double told_ms = static_cast<double>(attempt.wait_told_ms);
    const double error_ms = std::abs(Millis(attempt.wait_told_at, attempt.first_token) - told_ms);
    errors_ms.push_back(error_ms);
    if (error_ms <= 0.2 * told_ms) ++waits.within_20_percent;
    if (error_ms <= std::max(0.2 * told_ms, kUnnoticedMs)) ++waits.within_20_percent_or_100_ms;
  }
  waits.error = SpreadOf(std::move(errors_ms));
}

void ScoreMemory(const Record& record, Score& score) {
  constexpr double kMib = 1024;
  for (const MemoryLook& look : record.memory) {
    const double mib = static_cast<double>(look.kib) / kMib;
    auto found = std::ranges::find(score.memory, look.process, &MemoryScore::process);
    if (found == score.memory.end()) {
      score.memory.push_back({look.process, mib, mib, mib});
      continue;
    }
    found->max_mib = std::max(found->max_mib, mib);
    found->last_mib = mib;
  }
}

// The share of honest wishes due in [begin, end) that are good; nullopt: there are none.
class Shares {
 public:
  Shares(const Record& record, const Wishes& wishes) {
    for (const auto& [number, wish] : wishes) {
      if (IsHonest(record, wish.group)) wishes_.emplace_back(Seconds(wish.due), wish.is_good);
    }
    std::ranges::sort(wishes_);
  }
  std::optional<double> Between(double begin_s, double end_s) const {
    double good = 0;
    double all = 0;
    for (auto at = std::ranges::lower_bound(wishes_, std::pair(begin_s, false));
         at != wishes_.end() && at->first < end_s; ++at) {
      good += at->second ? 1 : 0;
      all += 1;
    }
    if (all == 0) return std::nullopt;
    return good / all;
  }

 private:
  std::vector<std::pair<double, bool>> wishes_;
};

void ScoreRecovery(const Record& record, const Wishes& wishes, Score& score) {
  const double seconds = record.plan.seconds;
  double start_s = seconds;
  double end_s = 0;
  for (const Group& group : record.plan.groups) {
    if (group.start_s <= 0 && group.end_s >= seconds) continue;
    start_s = std::min(start_s, group.start_s);
    end_s = std::max(end_s, group.kind == GroupKind::kKill ? group.start_s : group.end_s);
  }
  if (end_s == 0 || start_s <= 0) return;
  const Shares shares(record, wishes);
  RecoveryScore recovery{.load_start_s = start_s, .load_end_s = end_s};
  recovery.good_share_before = shares.Between(0, start_s).value_or(0);
  recovery.good_share_during = shares.Between(start_s, end_s).value_or(0);
  recovery.good_share_after = shares.Between(end_s, seconds).value_or(0);
  for (double at = end_s; at + kRecoveryWindowS <= seconds; at += kRecoveryStepS) {
    const std::optional<double> share = shares.Between(at, at + kRecoveryWindowS);
    if (share && *share >= kRecoveredShare * recovery.good_share_before) {
      recovery.recovered_s = at - end_s;
      break;
    }
  }
  score.recovery = recovery;
}

void ScoreFairness(const Record& record, Score& score) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, double> tokens;
  for (std::uint32_t i = 0; i < record.plan.groups.size(); ++i) {
    const Group& group = record.plan.groups[i];
    if (group.kind != GroupKind::kSteady && group.kind != GroupKind::kOneAccountMany) continue;
    for (int client = 0; client < group.clients; ++client) {
      tokens[{i, static_cast<std::uint32_t>(client)}] = 0;
    }
  }
  // Only while all of them ask are they in one line.
  double start_s = 0;
  double end_s = record.plan.seconds;
  for (const auto& [client, ignored] : tokens) {
    start_s = std::max(start_s, record.plan.groups[client.first].start_s);
    end_s = std::min(end_s, record.plan.groups[client.first].end_s);
  }
  if (tokens.size() < 2 || end_s <= start_s) return;
  for (const Attempt& attempt : record.attempts) {
    const auto found = tokens.find({attempt.group, attempt.client});
    if (found == tokens.end() || attempt.tokens == 0) continue;
    if (Seconds(attempt.first_token) < start_s || Seconds(attempt.last_token) > end_s) continue;
    found->second += attempt.tokens;
  }
  std::vector<double> shares;
  for (const auto& [client, count] : tokens) shares.push_back(count);
  score.token_fairness = JainIndex(shares);
}

}  // namespace

Spread SpreadOf(std::vector<double> values_ms) {
  if (values_ms.empty()) return {};
  std::ranges::sort(values_ms);
  // Nearest rank.
  const auto at = [&](double share) {
    const double rank = std::ceil(share * static_cast<double>(values_ms.size()));
    return values_ms[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
  };
  return {values_ms.size(), at(0.5), at(0.99), values_ms.back()};
}

double JainIndex(const std::vector<double>& shares) {
  double sum = 0;
  double squares = 0;
  for (const double share : shares) {
    sum += share;
    squares += share * share;
  }
  return squares > 0 ? sum * sum / (static_cast<double>(shares.size()) * squares) : 1;
}

Score ScoreOf(const Record& record) {
  Score score;
  score.plan = record.plan.name;
  score.is_unattacked = record.is_unattacked;
  score.seconds = record.plan.seconds;
  const Wishes wishes = WishesOf(record);
  ScoreGroups(record, wishes, score);
  ScorePhases(record, wishes, score);
  ScoreSeconds(record, wishes, score);
  ScoreWaits(record, score);
  ScoreMemory(record, score);
  ScoreRecovery(record, wishes, score);
  ScoreFairness(record, score);
  std::vector<double> lateness_ms;
  for (const Attempt& attempt : record.attempts) {
    if (attempt.retry == 0) lateness_ms.push_back(Millis(attempt.due, attempt.begun));
  }
  score.lateness = SpreadOf(std::move(lateness_ms));
  return score;
}

void SetBeside(Score& score, const Score& unattacked) {
  const auto ratio = [](double a, double b) { return b > 0 ? a / b : 0; };
  score.beside = BesideScore{
      .good_wishes_share = unattacked.honest().good_share(),
      .good_answers_ratio = ratio(score.good_answers_per_s(), unattacked.good_answers_per_s()),
      .first_token_p99_ratio =
          ratio(score.honest().first_token.p99_ms, unattacked.honest().first_token.p99_ms)};
}

}  // namespace holdfast::rehearsal
