#include "guard/limits/edge_limiter.h"

#include <algorithm>

#include "base/check.h"
#include "base/mix.h"

namespace holdfast::guard {
namespace {

// Salts of names that share a table with others; above every route and vouch.
constexpr std::uint64_t kSlowSalt = 1000;
constexpr std::uint64_t kLoginSalt = 2000;
constexpr std::uint64_t kConnectionSalt = 3000;

constexpr bool IsEntrance(Route route) {
  return route == Route::kLogin || route == Route::kRegister;
}

Vouch VouchOf(const RequestFacts& facts) {
  const bool has_account = facts.caller.account != 0 || facts.caller.key != 0;
  if (has_account && !IsEntrance(facts.route)) return Vouch::kAccount;
  return facts.paid_challenge ? Vouch::kChallenge : Vouch::kNothing;
}

// Never 0.
std::uint64_t Name(std::uint64_t hash, std::uint64_t salt) { return Mix64(hash, salt) | 1; }

// What a request is called in each table; 0: it has no such name.
struct Names {
  std::uint64_t address = 0;
  std::uint64_t prefix = 0;
  std::uint64_t account = 0;
  std::uint64_t key = 0;
};

Names NamesOf(const RequestFacts& facts) {
  const Caller& caller = facts.caller;
  const auto route = static_cast<std::uint64_t>(facts.route);
  const auto vouch = static_cast<std::uint64_t>(VouchOf(facts));
  const std::uint64_t kind = route * kVouchCount + vouch;
  Names names;
  if (caller.address != 0) names.address = Name(caller.address, kind);
  if (caller.prefix != 0) names.prefix = Name(caller.prefix, kind);
  if (caller.account != 0) {
    names.account = facts.route == Route::kLogin
                        ? Name(Mix64(caller.account, caller.address), kLoginSalt + vouch)
                        : Name(caller.account, route);
  }
  if (caller.key != 0) names.key = Name(caller.key, route);
  return names;
}

RateLimit Times(RateLimit limit, double factor) {
  return {limit.rate * factor, limit.burst * factor};
}

// The limits that one request has to pass: at most one of each table.
class Limits {
 public:
  void Add(const Gcra& gcra, Time& tat) { all_[count_++] = {&gcra, &tat}; }

  Duration Wait(Time now) const {
    Duration wait{0};
    for (int i = 0; i < count_; ++i) wait = std::max(wait, all_[i].gcra->Wait(*all_[i].tat, now));
    return wait;
  }
  void Charge(Time now) {
    for (int i = 0; i < count_; ++i) *all_[i].tat = all_[i].gcra->Charge(*all_[i].tat, now);
  }

 private:
  struct Limit {
    const Gcra* gcra = nullptr;
    Time* tat = nullptr;
  };
  std::array<Limit, 4> all_{};
  int count_ = 0;
};

}  // namespace

EdgeLimits ServiceLimits() {
  EdgeLimits limits;
  const auto at = [](Route route) { return static_cast<std::size_t>(route); };
  limits.address[at(Route::kRegister)] = {{{1, 200}, {2, 500}, {2, 500}}};
  limits.address[at(Route::kChat)] = {{{20, 400}, {40, 400}, {100, 2000}}};
  limits.address[at(Route::kApi)] = {{{200, 2000}, {200, 2000}, {1000, 10000}}};
  limits.account[at(Route::kApi)] = {200, 2000};
  limits.key[at(Route::kChat)] = {200, 2000};
  limits.key[at(Route::kApi)] = {200, 2000};
  return limits;
}

EdgeLimiter::EdgeLimiter(const EdgeLimits& limits, std::uint64_t seed)
    : limits_(limits),
      addresses_(limits.address_cells, Mix64(seed, 1)),
      prefixes_(limits.prefix_cells, Mix64(seed, 2)),
      accounts_(limits.account_cells, Mix64(seed, 3)),
      keys_(limits.key_cells, Mix64(seed, 4)),
      restrictions_(limits.restrictions),
      refused_(limits.watched_max, limits.heedless_half_life),
      good_standing_(limits.good_standing_max, limits.good_standing_hold) {
  for (int route = 0; route < kRouteCount; ++route) {
    for (int vouch = 0; vouch < kVouchCount; ++vouch) {
      const RateLimit limit = limits.address[route][vouch];
      gcra_.address[route][vouch] = Gcra(limit);
      gcra_.prefix[route][vouch] = Gcra(Times(limit, limits.prefix_factor));
    }
    gcra_.account[route] = Gcra(limits.account[route]);
    gcra_.key[route] = Gcra(limits.key[route]);
  }
  gcra_.slow = Gcra(limits.slow);
  gcra_.connections = Gcra(limits.connections);
  gcra_.handshakes = Gcra(limits.handshakes);
  gcra_.prefix_connections = Gcra(Times(limits.connections, limits.prefix_factor));
}

EdgeLimiter::Decision EdgeLimiter::Check(const RequestFacts& facts, Time now) {
  const Decision decision = Judge(facts, now, Charging::kYes);
  Watch(facts, decision, now);
  return decision;
}

std::optional<EdgeLimiter::Decision> EdgeLimiter::CheckIfRefused(const RequestFacts& facts,
                                                                 Time now) {
  const Decision decision = Judge(facts, now, Charging::kNo);
  if (decision.refusal == Refusal::kNone) return std::nullopt;
  Watch(facts, decision, now);
  return decision;
}

EdgeLimiter::Decision EdgeLimiter::Judge(const RequestFacts& facts, Time now, Charging charging) {
  restrictions_.Expire(now);
  const Decision decision = CheckRestriction(facts, now, charging);
  return decision.refusal == Refusal::kNone ? CheckRates(facts, now, charging) : decision;
}

EdgeLimiter::Decision EdgeLimiter::CheckRestriction(const RequestFacts& facts, Time now,
                                                    Charging charging) {
  const Restriction* restriction = restrictions_.Find(facts.caller, facts.standing, now);
  if (restriction == nullptr) return {};
  const RestrictionNotice notice = RestrictionNotice::Of(*restriction);
  RestrictionAction action = restriction->what.action;
  if (facts.route == Route::kLogin && restriction->what.scope.IsShared()) {
    action = std::min(action, RestrictionAction::kChallenge);
  }
  switch (action) {
    case RestrictionAction::kSlow: {
      const Duration wait = Slow(facts.caller, now, charging);
      if (wait == Duration(0)) return {};
      return {Refusal::kYourRate, wait, notice};
    }
    case RestrictionAction::kChallenge:
      if (facts.paid_challenge || facts.standing == Standing::kHistory) return {};
      return {Refusal::kChallengeRequired, Duration(0), notice};
    case RestrictionAction::kRefuse:
    case RestrictionAction::kPushDown:
      return {Refusal::kUnderAttack, restriction->expires - now, notice};
  }
  return {};
}

EdgeLimiter::Decision EdgeLimiter::CheckRates(const RequestFacts& facts, Time now,
                                              Charging charging) {
  const auto route = static_cast<std::size_t>(facts.route);
  const auto vouch = static_cast<std::size_t>(VouchOf(facts));
  const Names names = NamesOf(facts);
  if (names.address != 0) addresses_.Prefetch(names.address);
  if (names.prefix != 0) prefixes_.Prefetch(names.prefix);
  if (names.account != 0) accounts_.Prefetch(names.account);
  if (names.key != 0) keys_.Prefetch(names.key);

  Limits limits;
  if (names.address != 0) {
    limits.Add(gcra_.address[route][vouch], addresses_.Find(names.address, now));
  }
  if (names.prefix != 0) {
    limits.Add(gcra_.prefix[route][vouch], prefixes_.Find(names.prefix, now));
  }
  if (names.account != 0) limits.Add(gcra_.account[route], accounts_.Find(names.account, now));
  if (names.key != 0) limits.Add(gcra_.key[route], keys_.Find(names.key, now));

  const Duration wait = limits.Wait(now);
  if (wait == Duration(0)) {
    if (charging == Charging::kYes) limits.Charge(now);
    return {};
  }
  const bool may_pay = IsEntrance(facts.route) && !facts.paid_challenge;
  return {may_pay ? Refusal::kChallengeRequired : Refusal::kYourRate, wait};
}

EdgeLimiter::Decision EdgeLimiter::CheckConnection(const Caller& caller, bool is_encrypted,
                                                   Time now) {
  const Decision closed = CheckAddress(caller, now);
  if (closed.refusal != Refusal::kNone) return closed;
  Limits limits;
  if (caller.address != 0) {
    limits.Add(is_encrypted ? gcra_.handshakes : gcra_.connections,
               addresses_.Find(Name(caller.address, kConnectionSalt), now));
  }
  if (caller.prefix != 0) {
    limits.Add(gcra_.prefix_connections, prefixes_.Find(Name(caller.prefix, kConnectionSalt), now));
  }
  const Duration wait = limits.Wait(now);
  if (wait == Duration(0)) {
    limits.Charge(now);
    return {};
  }
  refused_.Advance(now);
  if (caller.address != 0) NoteRefused(caller.address, now);
  return {Refusal::kYourRate, wait};
}

EdgeLimiter::Decision EdgeLimiter::CheckAddress(const Caller& caller, Time now) {
  const Restriction* const restriction =
      restrictions_.Find({ScopeKind::kAddress, caller.address}, now);
  if (restriction == nullptr) return {};
  const RestrictionProposal& what = restriction->what;
  const bool is_closed =
      what.action == RestrictionAction::kPushDown ||
      (what.action == RestrictionAction::kRefuse && what.rule == kHostileConnectionsRule);
  if (!is_closed) return {};
  return {Refusal::kUnderAttack, restriction->expires - now, RestrictionNotice::Of(*restriction)};
}

Duration EdgeLimiter::Slow(const Caller& caller, Time now, Charging charging) {
  Time& tat = accounts_.Find(Name(caller.client(), kSlowSalt), now);
  const Duration wait = gcra_.slow.Wait(tat, now);
  if (wait == Duration(0) && charging == Charging::kYes) tat = gcra_.slow.Charge(tat, now);
  return wait;
}

void EdgeLimiter::Watch(const RequestFacts& facts, const Decision& decision, Time now) {
  refused_.Advance(now);
  const std::uint64_t address = facts.caller.address;
  if (address == 0) return;
  if (decision.refusal == Refusal::kNone) {
    if (VouchOf(facts) != Vouch::kAccount) return;
    refused_.Forgive(address);
    if (facts.standing == Standing::kHistory) good_standing_.Note(address, now);
    return;
  }
  NoteRefused(address, now);
}

void EdgeLimiter::NoteRefused(std::uint64_t address, Time now) {
  const double refusals = refused_.Add(address).surely();
  if (refusals < limits_.heedless_refusals) return;
  RestrictionProposal proposal{.scope = {ScopeKind::kAddress, address}, .rule = "ignores_refusals"};
  proposal.evidence[0] = {.detector = "refusals", .value = refusals};
  OnHeedless(proposal, now);
}

void EdgeLimiter::OnHeedless(RestrictionProposal proposal, Time now) {
  const Restriction* const told = restrictions_.Find(proposal.scope, now);
  // Its end is not put off: whoever is dropped there can be told nothing.
  if (told != nullptr && told->what.action == RestrictionAction::kPushDown) return;
  const bool went_on =
      told != nullptr && told->what.rule == proposal.rule && now - told->since >= limits_.told_min;
  const bool is_pushed = went_on && !good_standing_.Has(proposal.scope.name, now);
  proposal.action = is_pushed ? RestrictionAction::kPushDown : RestrictionAction::kRefuse;
  proposal.term = is_pushed ? limits_.push_down_term : limits_.told_term;
  restrictions_.Impose(proposal, now);
}

std::uint64_t EdgeLimiter::shared_count() const {
  return addresses_.shared_count() + prefixes_.shared_count() + accounts_.shared_count() +
         keys_.shared_count();
}

std::size_t EdgeLimiter::state_bytes() const {
  return sizeof(*this) + addresses_.state_bytes() + prefixes_.state_bytes() +
         accounts_.state_bytes() + keys_.state_bytes() + restrictions_.state_bytes() +
         refused_.state_bytes() + good_standing_.state_bytes();
}

}  // namespace holdfast::guard
