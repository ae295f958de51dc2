#include "verdict/logical_requests.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "base/check.h"
#include "base/mix.h"

namespace holdfast::verdict {
namespace {

constexpr std::size_t kAttemptsMax = 64;  // Of one logical request; more begin another.
// A loss later than this before the journal's end has no known sequel.
constexpr Duration kSequelMin = std::chrono::seconds(15);

// A person who pauses for longer has begun another conversation.
constexpr Duration kPauseMax = std::chrono::seconds(90);
constexpr int kTurnsMax = 16;  // Never taken, after one request.

// Attempts of one logical request, as numbers of records.
struct Chain {
  std::vector<std::uint32_t> records;
  std::size_t previous = kNoChain;  // In its conversation,
  std::size_t next = kNoChain;
  std::size_t first_built = 0;  // Of its copies in `requests`, before they are sorted,
  std::size_t copies = 0;       // one for each client.

  static constexpr std::size_t kNoChain = ~std::size_t{0};
};

class Builder {
 public:
  Builder(std::span<const JournalRecord> records, const BuildOptions& options, std::uint64_t seed)
      : records_(records), options_(options), seed_(seed) {}

  LogicalRequests Build() {
    for (std::uint32_t i = 0; i < records_.size(); ++i) {
      if (IsGeneration(records_[i].route)) Join(i);
    }
    LinkTurns();
    for (const Chain& chain : chains_) Learn(chain);
    built_.laws.Finish();
    CollectClients();
    for (Chain& chain : chains_) Expand(chain);
    SortByArrival();
    if (built_.requests.size() > options_.requests_max) {
      built_.requests.resize(options_.requests_max);
      built_.is_cut = true;
    }
    AddTurnsNeverTaken();
    return std::move(built_);
  }

 private:
  void Join(std::uint32_t number) {
    const JournalRecord& record = records_[number];
    last_arrival_ = std::max(last_arrival_, record.arrival);
    const auto [open, is_new] = open_.try_emplace(record.request, chains_.size());
    if (!is_new && Continues(chains_[open->second], record)) {
      chains_[open->second].records.push_back(number);
      return;
    }
    open->second = chains_.size();
    chains_.push_back({{number}});
  }

  bool Continues(const Chain& chain, const JournalRecord& record) const {
    const JournalRecord& last = records_[chain.records.back()];
    const Time end = last.arrival + last.held;
    return record.attempt > last.attempt && record.client == last.client &&
           last.ending != Ending::kServed && record.arrival >= end &&
           record.arrival - end <= options_.join_max && chain.records.size() < kAttemptsMax;
  }

  Time EndOf(const Chain& chain) const {
    const JournalRecord& last = records_[chain.records.back()];
    return last.arrival + last.held;
  }

  bool WasAnswered(const Chain& chain) const {
    const JournalRecord& last = records_[chain.records.back()];
    return last.ending == Ending::kServed ||
           (last.ending == Ending::kAbandoned && last.first_token.count() > 0);
  }

  void LinkTurns() {
    std::unordered_map<std::uint64_t, std::size_t> last_of;  // By client; looked up only.
    for (std::size_t i = 0; i < chains_.size(); ++i) {
      const JournalRecord& record = records_[chains_[i].records.front()];
      if (record.route != Route::kChat) continue;
      const auto [last, is_new] = last_of.try_emplace(record.client, i);
      if (!is_new && record.arrival - EndOf(chains_[last->second]) <= kPauseMax) {
        chains_[i].previous = last->second;
        chains_[last->second].next = i;
      }
      last->second = i;
    }
  }

  void LearnTurn(const Chain& chain, std::uint16_t kind) {
    const JournalRecord& record = records_[chain.records.back()];
    // What follows a later end is not all known yet.
    if (record.route != Route::kChat || record.is_open) return;
    if (EndOf(chain) + kPauseMax > last_arrival_) return;
    std::optional<Duration> pause;
    if (chain.next != Chain::kNoChain) {
      const Time next = records_[chains_[chain.next].records.front()].arrival;
      pause = std::max(next - EndOf(chain), Duration{0});
    }
    built_.laws.AddTurn(kind, WasAnswered(chain), pause);
  }

  std::uint16_t KindOf(const Chain& chain) {
    const JournalRecord& first = records_[chain.records.front()];
    return built_.laws.KindOf(
        {first.group, first.route, first.standing, first.is_batch, first.tokens_max});
  }

  void Learn(const Chain& chain) {
    const std::uint16_t kind = KindOf(chain);
    LearnTurn(chain, kind);
    for (std::size_t i = 0; i < chain.records.size(); ++i) {
      const JournalRecord& record = records_[chain.records[i]];
      if (record.is_open) continue;
      const bool was_answered = record.first_token.count() > 0;
      if (record.ending == Ending::kServed) {
        built_.laws.AddAnswer(kind, record.output_tokens);
        interval_sum_ += static_cast<double>(record.token_interval.count());
        ++intervals_;
      }
      const bool has_left = record.ending == Ending::kAbandoned && !was_answered;
      built_.laws.AddWait(kind, was_answered ? record.first_token : record.held, has_left);
      const std::optional<LossKind> loss = LossOf(record);
      if (!loss) continue;
      const Time end = record.arrival + record.held;
      std::optional<Duration> delay;
      if (i + 1 < chain.records.size()) delay = records_[chain.records[i + 1]].arrival - end;
      if (!delay && end + kSequelMin > last_arrival_) continue;
      built_.laws.AddLoss(kind, *loss, record.attempt, record.retry_after, delay);
    }
  }

  static std::optional<LossKind> LossOf(const JournalRecord& record) {
    switch (record.ending) {
      case Ending::kServed:
        return std::nullopt;
      case Ending::kRefused:
        return LossKind::kRefused;
      case Ending::kAbandoned:
        if (record.first_token.count() > 0) return std::nullopt;
        return LossKind::kAbandoned;
      case Ending::kFailed:
        return LossKind::kFailed;
    }
    return std::nullopt;
  }

  bool IsInTime(const Chain& chain) const {
    const Time arrival = records_[chain.records.front()].arrival;
    return arrival >= options_.from && arrival < options_.to;
  }

  void CollectClients() {
    for (const Chain& chain : chains_) {
      if (!IsInTime(chain)) continue;
      const JournalRecord& record = records_[chain.records.front()];
      built_.clients.push_back({record.client, record.group, record.clients});
    }
    std::ranges::stable_sort(built_.clients, {}, &JournalClient::id);
    // A client that was sampled in different ways keeps the weight of its first record.
    const auto repeated = std::ranges::unique(built_.clients, {}, &JournalClient::id);
    built_.clients.erase(repeated.begin(), repeated.end());
  }

  void Expand(Chain& chain) {
    if (!IsInTime(chain)) return;
    const JournalRecord& first = records_[chain.records.front()];
    LogicalRequest request{.arrival = first.arrival,
                           .first = static_cast<std::uint32_t>(built_.attempts.size()),
                           .count = static_cast<std::uint16_t>(chain.records.size()),
                           .kind = KindOf(chain),
                           .patience_said = first.patience,
                           .prompt_tokens = first.prompt_tokens,
                           .tokens_max = first.tokens_max,
                           .route = first.route,
                           .standing = first.standing,
                           .attempt = first.attempt,
                           .is_batch = first.is_batch,
                           .is_regular = first.is_regular};
    const auto client =
        std::ranges::lower_bound(built_.clients, first.client, {}, &JournalClient::id);
    request.client = static_cast<std::uint32_t>(client - built_.clients.begin());
    for (const std::uint32_t number : chain.records) AddAttempt(records_[number], request);
    const std::uint32_t written = WrittenSoFar(records_[chain.records.back()]);
    // By hashes of names, not of places: the same client does the same in every judgement.
    const std::uint64_t base =
        Mix64(Mix64(seed_, first.client),
              static_cast<std::uint64_t>(first.arrival.time_since_epoch().count()));
    const auto clients = std::max(1L, std::lround(first.clients));
    const auto each = std::max(1L, std::lround(first.weight / first.clients));
    chain.first_built = built_.requests.size();
    chain.copies = each == 1 ? static_cast<std::size_t>(clients) : 0;
    for (long c = 0; c < clients; ++c) {
      for (long r = 0; r < each; ++r) {
        if (built_.requests.size() >= 2 * options_.requests_max) return;
        const auto copy = static_cast<std::uint64_t>(c * each + r);
        request.draw = Mix64(base, copy);
        request.caller = Mix64(first.client, static_cast<std::uint64_t>(c)) | 1;
        request.shift = Shift(first.client, static_cast<std::uint64_t>(c), request.draw, r);
        request.arrival = first.arrival + request.shift;
        request.previous = PreviousOf(chain, request, static_cast<std::size_t>(c));
        request.next_turn = HasEndedUnanswered(chain) ? kMayHaveTurns : LogicalRequest::kNone;
        LogicalRequest whole = request;
        if (whole.output_tokens == 0) whole.output_tokens = Answer(whole, written);
        built_.requests.push_back(whole);
      }
    }
  }

  // The request before it in its conversation, if it hangs on an answer to that: some go on
  // without.
  std::uint32_t PreviousOf(const Chain& chain, const LogicalRequest& request,
                           std::size_t copy) const {
    if (chain.previous == Chain::kNoChain) return LogicalRequest::kNone;
    const Chain& previous = chains_[chain.previous];
    if (copy >= previous.copies || !WasAnswered(previous)) return LogicalRequest::kNone;
    const double answered = built_.laws.TurnShare(request.kind, true);
    const double unanswered = built_.laws.TurnShare(request.kind, false);
    if (Unit(Mix64(request.draw, 6)) * answered < unanswered) return LogicalRequest::kNone;
    return static_cast<std::uint32_t>(previous.first_built + copy);
  }

  bool HasEndedUnanswered(const Chain& chain) const {
    const JournalRecord& last = records_[chain.records.back()];
    return last.route == Route::kChat && !last.is_open && chain.next == Chain::kNoChain &&
           !WasAnswered(chain);
  }

  // Links name places before the sort, and after it the places after it.
  void SortByArrival() {
    std::vector<std::uint32_t> order(built_.requests.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, {},
                             [&](std::uint32_t i) { return built_.requests[i].arrival; });
    std::vector<std::uint32_t> place(order.size());
    std::vector<LogicalRequest> sorted;
    sorted.reserve(order.size());
    for (const std::uint32_t from : order) {
      place[from] = static_cast<std::uint32_t>(sorted.size());
      sorted.push_back(built_.requests[from]);
    }
    for (LogicalRequest& request : sorted) {
      if (request.previous != LogicalRequest::kNone) request.previous = place[request.previous];
    }
    built_.requests = std::move(sorted);
  }

  void AddTurnsNeverTaken() {
    const std::size_t taken = built_.requests.size();
    for (std::size_t i = 0; i < taken; ++i) {
      if (built_.requests[i].next_turn == LogicalRequest::kNone) continue;
      built_.requests[i].next_turn = LogicalRequest::kNone;
      const double answered = built_.laws.TurnShare(built_.requests[i].kind, true);
      const double unanswered = built_.laws.TurnShare(built_.requests[i].kind, false);
      // Of those who left unanswered, who would have stayed with an answer.
      double goes_on = (answered - unanswered) / std::max(1 - unanswered, 1e-6);
      for (std::size_t last = i, turn = 0; turn < kTurnsMax; ++turn) {
        const std::uint64_t draw = Mix64(built_.requests[i].draw, 100 + turn);
        if (Unit(draw) >= goes_on || built_.requests.size() >= 2 * options_.requests_max) break;
        last = AddTurn(last, Mix64(draw, 1));
        goes_on = answered;
      }
    }
  }

  std::size_t AddTurn(std::size_t before, std::uint64_t draw) {
    LogicalRequest turn = built_.requests[before];
    turn.arrival = Time::max();
    turn.draw = draw;
    turn.count = 0;
    turn.shift = Duration{0};
    turn.attempt = 0;
    turn.leaves_midway = false;
    turn.previous = LogicalRequest::kNone;
    turn.next_turn = LogicalRequest::kNone;
    turn.pause = built_.laws.DrawPause(turn.kind, Mix64(draw, 2));
    turn.output_tokens = Answer(turn, 0);
    built_.requests[before].next_turn = static_cast<std::uint32_t>(built_.requests.size());
    built_.requests.push_back(turn);
    return built_.requests.size() - 1;
  }

  static double Unit(std::uint64_t hash) {
    return (static_cast<double>(hash >> 11) + 0.5) * 0x1.0p-53;
  }

  void AddAttempt(const JournalRecord& record, LogicalRequest& request) {
    built_.attempts.push_back({.arrival = record.arrival,
                               .held = record.held,
                               .first_token = record.first_token,
                               .token_interval = record.token_interval,
                               .retry_after = record.retry_after,
                               .ending = record.ending,
                               .refusal = record.refusal,
                               .is_open = record.is_open});
    const bool was_left = record.ending == Ending::kAbandoned && record.first_token.count() > 0;
    if ((record.ending == Ending::kServed && !record.is_open) || was_left) {
      request.output_tokens = std::max(record.output_tokens, 1U);
      request.leaves_midway = was_left;
    }
  }

  // About, of an answer that has not ended.
  std::uint32_t WrittenSoFar(const JournalRecord& record) const {
    if (!record.is_open || intervals_ == 0) return 0;
    const double interval = interval_sum_ / static_cast<double>(intervals_);
    return static_cast<std::uint32_t>(
        std::min(static_cast<double>(record.held.count()) / std::max(interval, 1.0), 1e6));
  }

  // Of an answer that was never written, or is being written.
  std::uint32_t Answer(const LogicalRequest& request, std::uint32_t at_least) const {
    std::uint32_t tokens = built_.laws.DrawAnswer(request.kind, at_least, Mix64(request.draw, 1));
    if (request.tokens_max > 0) tokens = std::min(tokens, request.tokens_max);
    return std::max(tokens, 1U);
  }

  // Copies of a client move as one; copies within a client each on their own.
  Duration Shift(std::uint64_t client, std::uint64_t copy, std::uint64_t draw, long request) const {
    Duration shift{0};
    if (copy > 0) shift += Within(options_.jitter, Mix64(Mix64(seed_ + 2, client), copy));
    if (request > 0) shift += Within(options_.jitter, Mix64(draw, 2));
    return shift;
  }

  static Duration Within(Duration bound, std::uint64_t hash) {
    const auto span = static_cast<std::uint64_t>(2 * bound.count() + 1);
    return Duration(static_cast<Duration::rep>(hash % span)) - bound;
  }

  // In `next_turn`, until turns are added.
  static constexpr std::uint32_t kMayHaveTurns = LogicalRequest::kNone - 1;

  std::span<const JournalRecord> records_;
  const BuildOptions& options_;
  std::uint64_t seed_;
  LogicalRequests built_;
  std::vector<Chain> chains_;  // By first arrival.
  std::unordered_map<std::uint64_t, std::size_t>
      open_;  // By JournalRecord::request; looked up only.
  Time last_arrival_{};
  double interval_sum_ = 0;  // Microseconds between the tokens of served answers.
  std::size_t intervals_ = 0;
};

}  // namespace

LogicalRequests BuildLogicalRequests(std::span<const JournalRecord> records,
                                     const BuildOptions& options, std::uint64_t seed) {
  CHECK(std::ranges::is_sorted(records, {}, &JournalRecord::arrival));
  return Builder(records, options, seed).Build();
}

bool WasLost(std::span<const ObservedAttempt> attempts, const ServiceLevel& level) {
  return std::ranges::none_of(attempts, [&](const ObservedAttempt& attempt) {
    const bool was_answered =
        attempt.ending == Ending::kServed ||
        (attempt.ending == Ending::kAbandoned && attempt.first_token.count() > 0);
    const bool still_waits = attempt.is_open && attempt.first_token.count() == 0;
    const Duration first_token = attempt.arrival - attempts.front().arrival +
                                 (still_waits ? attempt.held : attempt.first_token);
    return was_answered && first_token <= level.first_token_max &&
           attempt.token_interval <= level.token_interval_max;
  });
}

}  // namespace holdfast::verdict
