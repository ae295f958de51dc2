#include "verdict/journal.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <queue>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/mix.h"

namespace holdfast::verdict {
namespace {

constexpr std::size_t kGapsMax = 64;
constexpr std::uint8_t kChanceMax = 31;
constexpr double kBytesPerToken = 4;
// Thinning leaves this part of the room taken, so that its cost spreads over many additions.
constexpr double kThinnedShare = 0.75;
// Chances of being kept rise again while less than this is taken, a step each kRelaxSpan.
constexpr double kRelaxedShare = 0.5;
constexpr Duration kRelaxSpan = std::chrono::seconds(10);

double ShareOf(std::uint8_t chance) { return std::ldexp(1.0, -chance); }

bool IsBelow(std::uint32_t draw, std::uint8_t chance) {
  return (std::uint64_t{draw} << chance) >> 32 == 0;
}

// What was kept or dropped as one.
struct Unit {
  std::uint64_t client = 0;
  std::uint8_t client_chance = 0;
  std::uint8_t request_chance = 0;
  std::uint32_t request_draw = 0;
  double amount = 0;

  auto operator<=>(const Unit&) const = default;
  bool IsOfClient(const Unit& other) const {
    return client == other.client && client_chance == other.client_chance &&
           request_chance == other.request_chance;
  }
  bool IsOfRequest(const Unit& other) const {
    return IsOfClient(other) && request_draw == other.request_draw;
  }
};

std::uint64_t NameOf(const JournalRecord& record) {
  const auto arrival = static_cast<std::uint64_t>(record.arrival.time_since_epoch().count());
  return Mix64(Mix64(record.request, arrival), record.attempt);
}

}  // namespace

// What a stratum holds, and the client that may be most of it (majority vote).
struct Journal::Load {
  std::size_t records = 0;
  std::uint64_t candidate = 0;
  std::int64_t votes = 0;
  std::size_t of_candidate = 0;
};

bool WasLost(const JournalRecord& record, const ServiceLevel& level) {
  const bool was_answered = record.ending == Ending::kServed ||
                            (record.ending == Ending::kAbandoned && record.first_token.count() > 0);
  return !was_answered || record.first_token > level.first_token_max ||
         record.token_interval > level.token_interval_max;
}

JournalRecord MakeRecord(const RequestFacts& facts, const OutcomeFacts& outcome,
                         Duration retry_after) {
  const std::uint64_t client = facts.caller.client();
  std::uint32_t prompt_tokens = std::max(facts.prompt_tokens, outcome.prompt_tokens);
  if (prompt_tokens == 0) {
    prompt_tokens = static_cast<std::uint32_t>(std::ceil(facts.prompt_bytes / kBytesPerToken));
  }
  return {.arrival = facts.time,
          .client = client,
          .group = facts.caller.fingerprint,
          .request = Mix64(client, facts.payload),
          .held = std::max(outcome.time - facts.time, Duration{0}),
          .first_token = outcome.first_token,
          .token_interval = outcome.token_interval,
          .patience = facts.patience,
          .retry_after = retry_after,
          .prompt_tokens = prompt_tokens,
          .output_tokens = outcome.output_tokens,
          .tokens_max = facts.tokens_max,
          .route = facts.route,
          .standing = facts.standing,
          .ending = outcome.ending,
          .refusal = outcome.refusal,
          .attempt = facts.attempt,
          .is_batch = facts.is_batch,
          .is_regular = facts.is_regular};
}

Journal::Journal(const JournalOptions& options, std::uint64_t seed)
    : options_(options), seed_(seed), chances_(kStrata), chains_(kChains) {
  CHECK(options.records_max >= 64);
  entries_.reserve(options.records_max);
}

void Journal::Begin(const RequestFacts& facts) {
  if (open_.size() >= kOpenMax) return;
  JournalRecord record = MakeRecord(facts, OutcomeFacts{}, Duration{0});
  record.is_open = true;
  open_.emplace(NameOf(record), MakeEntry(record));
}

void Journal::OnFirstToken(const RequestFacts& facts, Time now) {
  const auto begun = open_.find(NameOf(MakeRecord(facts, OutcomeFacts{}, Duration{0})));
  if (begun != open_.end()) begun->second.record.first_token = now - facts.time;
}

void Journal::Add(const RequestFacts& facts, const OutcomeFacts& outcome, Duration retry_after) {
  const JournalRecord record = MakeRecord(facts, outcome, retry_after);
  open_.erase(NameOf(record));
  if (outcome.time - relaxed_ >= kRelaxSpan) {
    relaxed_ = outcome.time;
    Expire(outcome.time);
    Relax();
  }
  Entry entry = MakeEntry(record);
  if (!IsKept(entry, chances_[entry.stratum])) return;
  if (entries_.size() == options_.records_max) {
    Thin();
    if (!IsKept(entry, chances_[entry.stratum])) return;
  }
  SetChance(entry, chances_[entry.stratum]);
  entries_.push_back(entry);
}

Journal::Entry Journal::MakeEntry(const JournalRecord& record) {
  Entry entry;
  entry.record = record;
  const auto look = Mix64(static_cast<std::uint64_t>(record.route),
                          static_cast<std::uint64_t>(record.standing) * 2 + record.is_batch);
  entry.stratum = static_cast<std::uint16_t>(Mix64(look, record.group) % kStrata);
  entry.client_draw = static_cast<std::uint32_t>(Mix64(seed_, record.client) >> 32);
  entry.request_draw = RequestDraw(record);
  return entry;
}

std::uint32_t Journal::RequestDraw(const JournalRecord& record) {
  Chain& chain = chains_[record.request % kChains];
  if (record.attempt > 0 && chain.request == record.request) return chain.draw;
  const auto arrival = static_cast<std::uint64_t>(record.arrival.time_since_epoch().count());
  const auto draw =
      static_cast<std::uint32_t>(Mix64(Mix64(seed_ + 1, record.request), arrival) >> 32);
  if (record.attempt == 0) chain = {.request = record.request, .draw = draw};
  return draw;
}

bool Journal::IsKept(const Entry& entry, Chance chance) {
  return IsBelow(entry.client_draw, chance.client) && IsBelow(entry.request_draw, chance.request);
}

void Journal::SetChance(Entry& entry, Chance chance) {
  entry.chance.client = std::max(entry.chance.client, chance.client);
  entry.chance.request = std::max(entry.chance.request, chance.request);
  entry.record.clients = static_cast<float>(1 / ShareOf(entry.chance.client));
  entry.record.weight = static_cast<float>(entry.record.clients / ShareOf(entry.chance.request));
}

void Journal::Expire(Time now) {
  const Time oldest = now - options_.horizon;
  const auto dropped =
      std::erase_if(entries_, [&](const Entry& entry) { return entry.record.arrival < oldest; });
  if (dropped > 0) dropped_to_ = std::max(dropped_to_, oldest);
  std::erase_if(open_, [&](const auto& begun) { return begun.second.record.arrival < oldest; });
}

void Journal::Relax() {
  const double taken = static_cast<double>(entries_.size());
  if (taken > kRelaxedShare * static_cast<double>(options_.records_max)) return;
  for (Chance& chance : chances_) {
    if (chance.client > 0) --chance.client;
    if (chance.request > 0) --chance.request;
  }
}

std::vector<Journal::Load> Journal::Loads() const {
  std::vector<Load> loads(kStrata);
  for (const Entry& entry : entries_) {
    Load& load = loads[entry.stratum];
    ++load.records;
    if (load.votes == 0) load.candidate = entry.record.client;
    load.votes += entry.record.client == load.candidate ? 1 : -1;
  }
  for (const Entry& entry : entries_) {
    Load& load = loads[entry.stratum];
    if (entry.record.client == load.candidate) ++load.of_candidate;
  }
  return loads;
}

// Draws are nearly always even, so that one round is enough. Should they never be, the oldest go.
void Journal::Thin() {
  while (static_cast<double>(entries_.size()) >
         kThinnedShare * static_cast<double>(options_.records_max)) {
    if (!HalveLargest()) {
      entries_.erase(entries_.begin(),
                     entries_.begin() + static_cast<std::ptrdiff_t>(entries_.size() / 4));
      dropped_to_ = std::max(dropped_to_, entries_.front().record.arrival);
      return;
    }
    std::erase_if(entries_,
                  [&](const Entry& entry) { return !IsKept(entry, chances_[entry.stratum]); });
    for (Entry& entry : entries_) SetChance(entry, chances_[entry.stratum]);
  }
}

// Halves the chances of the largest strata, by what can be expected to stay of them, until there
// is room. False: some cannot be halved any more.
bool Journal::HalveLargest() {
  const std::vector<Load> loads = Loads();
  std::priority_queue<std::pair<double, std::size_t>> largest;
  for (std::size_t i = 0; i < kStrata; ++i) {
    if (loads[i].records > 0) largest.emplace(static_cast<double>(loads[i].records), i);
  }
  double excess = static_cast<double>(entries_.size()) -
                  kThinnedShare * static_cast<double>(options_.records_max);
  while (excess > 0) {
    const auto [records, stratum] = largest.top();
    largest.pop();
    const Load& load = loads[stratum];
    Chance& chance = chances_[stratum];
    std::uint8_t& halved = 2 * load.of_candidate > load.records ? chance.request : chance.client;
    if (halved == kChanceMax) return false;
    ++halved;
    excess -= records / 2;
    largest.emplace(records / 2, stratum);
  }
  return true;
}

void Journal::MarkGap(Time from, Time to) {
  if (to <= from) return;
  if (!gaps_.empty() && gaps_.back().to == from) {
    gaps_.back().to = to;
    return;
  }
  gaps_.push_back({from, to});
  std::ranges::sort(gaps_, {}, &JournalGap::from);
  if (gaps_.size() <= kGapsMax) return;
  std::size_t closest = 1;
  for (std::size_t i = 2; i < gaps_.size(); ++i) {
    const auto between = [&](std::size_t g) { return gaps_[g].from - gaps_[g - 1].to; };
    if (between(i) < between(closest)) closest = i;
  }
  gaps_[closest - 1].to = std::max(gaps_[closest - 1].to, gaps_[closest].to);
  gaps_.erase(gaps_.begin() + static_cast<std::ptrdiff_t>(closest));
}

std::vector<JournalGap> Journal::Gaps(Time from, Time to) const {
  std::vector<JournalGap> found;
  if (dropped_to_ > from) found.push_back({Time{}, dropped_to_});
  for (const JournalGap& gap : gaps_) {
    const Time begin = std::max(gap.from, dropped_to_);
    if (begin < to && gap.to > std::max(from, begin)) found.push_back({begin, gap.to});
  }
  return found;
}

std::vector<JournalRecord> Journal::Records(Time from, Time to, Time now) const {
  std::vector<JournalRecord> found;
  for (const Entry& entry : entries_) {
    if (entry.record.arrival >= from && entry.record.arrival < to) found.push_back(entry.record);
  }
  if (now != Time::min()) {
    for (const auto& [name, begun] : open_) {
      if (begun.record.arrival < from || begun.record.arrival >= to) continue;
      if (!IsKept(begun, chances_[begun.stratum])) continue;
      Entry entry = begun;
      SetChance(entry, chances_[entry.stratum]);
      entry.record.held = now - entry.record.arrival;
      found.push_back(entry.record);
    }
  }
  // A total order: of those under way there is none to begin with.
  std::ranges::stable_sort(found, {}, [](const JournalRecord& record) {
    return std::tuple(record.arrival, record.is_open, record.request, record.attempt);
  });
  return found;
}

// Two stages, as it was sampled: clients, and within a client its requests. A stage that keeps
// with probability p adds (1 - p) / p^2 times the square of each kept total to the variance.
Journal::Estimate Journal::Total(Time from, Time to,
                                 double (*measure)(const JournalRecord&)) const {
  std::vector<Unit> units;
  for (const Entry& entry : entries_) {
    if (entry.record.arrival < from || entry.record.arrival >= to) continue;
    units.push_back({entry.record.client, entry.chance.client, entry.chance.request,
                     entry.request_draw, measure(entry.record)});
  }
  std::ranges::sort(units);
  double value = 0;
  double variance = 0;
  for (auto at = units.begin(); at != units.end();) {
    const Unit client = *at;
    const double p1 = ShareOf(client.client_chance);
    const double p2 = ShareOf(client.request_chance);
    double of_client = 0;
    double within = 0;
    while (at != units.end() && at->IsOfClient(client)) {
      const Unit request = *at;
      double of_request = 0;
      for (; at != units.end() && at->IsOfRequest(request); ++at) of_request += at->amount;
      of_client += of_request / p2;
      within += (1 - p2) / (p2 * p2) * of_request * of_request;
    }
    value += of_client / p1;
    variance += (1 - p1) / (p1 * p1) * of_client * of_client + within / p1;
  }
  return {.value = value, .deviation = std::sqrt(variance)};
}

Journal::Estimate Journal::Requests(Time from, Time to) const {
  return Total(from, to, [](const JournalRecord&) { return 1.0; });
}

Journal::Estimate Journal::Tokens(Time from, Time to) const {
  return Total(from, to, [](const JournalRecord& record) {
    return static_cast<double>(record.prompt_tokens) + record.output_tokens;
  });
}

std::size_t Journal::state_bytes() const {
  return entries_.capacity() * sizeof(Entry) + chances_.capacity() * sizeof(Chance) +
         chains_.capacity() * sizeof(Chain);
}

}  // namespace holdfast::verdict
