#include "guard/evidence/cluster_table.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/mix.h"

namespace holdfast::guard {
namespace {

constexpr std::uint32_t kPresent = 1U << 31;  // Beside the traits: the client itself is counted.
static_assert(kTraitCount < 31);

constexpr double kLearningEpochs = 60;  // What is usual is a mean over about so many.
constexpr double kWarmUpEpochs = 6;     // Learned from whatever they hold: nothing else is known.
constexpr double kDayEpochs = 8640;     // The same of what is usual in a day.
constexpr double kDayGrowthMax = 4;     // What nobody learns from, over that: a day has its peak.
constexpr double kSmallCrowd = 10;      // Clients whose coming and going is no surge.
constexpr Duration kSurgePause = std::chrono::seconds(60);
constexpr float kWaveExcess = 2 * kSurgeExcess;  // Fourfold: its members count in the next, too.
// For so long a page that was loaded may be what a client comes by.
constexpr Duration kPageOpen = std::chrono::minutes(10);

// Of what is read.
constexpr double kClientsMax = 1e9;
constexpr double kGapMax = 64;

constexpr double Conduct::*kConductFields[] = {
    &Conduct::paged,        &Conduct::dwelt,    &Conduct::read,      &Conduct::thought,
    &Conduct::overlapped,   &Conduct::ignored,  &Conduct::cut_short, &Conduct::costly,
    &Conduct::echoed,       &Conduct::repeated, &Conduct::guessed,   &Conduct::stalled,
    &Conduct::gap_deviation};
static_assert(sizeof(Conduct) == std::size(kConductFields) * sizeof(double));

std::uint64_t PrefixName(std::uint64_t prefix) { return Mix64(prefix, 1); }

int DoorOf(const ClientFeatures& client) {
  return DoorIndex(client.Has(Trait::kNewcomer), client.standing, client.entry,
                   client.Has(Trait::kPaged));
}

// Clients that a crowd of people brings and a flood does not: seen before, or new by a page. An old
// account in a new place is not among them.
bool IsTrusted(int door) {
  const bool is_paged = door % 2 == 1;
  const auto entry = static_cast<Route>(door / 2 % kRouteCount);
  const auto standing = static_cast<Standing>(door / 2 / kRouteCount % kStandingCount);
  const bool is_newcomer = door / 2 / kRouteCount / kStandingCount == 1;
  if (entry == Route::kPage) return false;
  if (!is_newcomer) return true;
  return is_paged && SurfaceOf(entry) == Surface::kWeb && standing != Standing::kHistory;
}

}  // namespace

ClusterTable::ClusterTable(const ClusterTableOptions& options, std::uint64_t seed)
    : options_(options),
      clients_(options.clients_max, options.idle_min, seed),
      groups_(options.groups_max),
      seen_(options.seen_max),
      visits_(options.visits_max),
      prompts_(options.prompts_max) {
  ApplyConduct();
}

ClusterTable::Arrival ClusterTable::OnArrival(const RequestFacts& facts, Time now) {
  Advance(now);
  if (facts.route == Route::kPage) visits_.Add(facts.caller.address, now);
  ClientFeatures* client = Take(facts.caller, facts.standing, now);
  if (client == nullptr) return {};
  // The ends of what was under way before a gap may have been in it.
  if (client->last_seen < gap_to_) client->in_flight = 0;
  const std::optional<Time> page = PageBefore(*client, facts, now);
  return {client, NoteArrival(*client, facts, page, options_.conduct, now)};
}

void ClusterTable::OnDecision(const Arrival& arrival, const RequestFacts& facts,
                              const DecisionFacts& decision, Time now) {
  if (arrival.client == nullptr) return;
  ClientFeatures& client = *arrival.client;
  NoteDecision(client, facts, decision, now);
  if (IsGeneration(facts.route)) NotePrompt(client, facts.payload);
  GapSums gaps;
  if (arrival.gap) gaps.Add(*arrival.gap);
  Count(client, gaps, now);
}

void ClusterTable::OnOutcome(const OutcomeFacts& outcome) {
  Advance(outcome.time);
  if (outcome.ending == Ending::kRefused && outcome.time == outcome.arrival) return;
  ClientFeatures* client = clients_.Find(outcome.caller.client());
  if (client == nullptr) return;
  NoteOutcome(*client, outcome, options_.conduct);
  Count(*client, {}, outcome.time);
}

void ClusterTable::OnConnection(const ConnectionFacts& facts) {
  Advance(facts.time);
  ClientFeatures* client = Take(facts.caller, Standing::kAnonymous, facts.time);
  if (client == nullptr) return;
  NoteConnection(*client, facts);
  Count(*client, {}, facts.time);
}

void ClusterTable::MarkGap(Time from, Time to) {
  if (from != gap_to_) gap_from_ = from;
  gap_to_ = to;
}

ClientFeatures* ClusterTable::Take(const Caller& caller, Standing standing, Time now) {
  const double share = clients_.share();
  ClientFeatures* client = clients_.Take(caller.client(), now);
  if (clients_.share() != share) ChangeGroups(HalveCounts);
  if (client == nullptr) return nullptr;
  if (client->traits == 0 && client->requests == 0) Introduce(*client, caller, standing);
  // Who only loads pages pays nothing for having been here.
  if (is_learning_ && client->seen != SeenBefore::kClient && client->Has(Trait::kRead) &&
      now - client->first_seen >= options_.seen_after) {
    BecomeKnown(*client);
  }
  return client;
}

void ClusterTable::Introduce(ClientFeatures& client, const Caller& caller,
                             Standing standing) const {
  client.fingerprint = caller.fingerprint;
  client.prefix = caller.prefix;
  client.standing = standing;
  client.has_account = caller.account != 0 || caller.key != 0;
  if (seen_.Contains(client.client)) {
    client.seen = SeenBefore::kClient;
  } else if (caller.prefix != 0 && seen_.Contains(PrefixName(caller.prefix))) {
    client.seen = SeenBefore::kPrefix;
  }
  if (client.seen == SeenBefore::kNo) client.Set(Trait::kNewcomer);
}

void ClusterTable::NotePrompt(ClientFeatures& client, std::uint64_t payload) {
  if (payload == 0) return;
  const std::uint64_t of_all = Mix64(payload, 0);
  const std::uint64_t of_client = Mix64(payload, client.client);
  if (prompts_.Contains(of_client)) return;
  NoteNewPrompt(client, prompts_.Contains(of_all));
  prompts_.Add(of_client);
  prompts_.Add(of_all);
}

void ClusterTable::BecomeKnown(ClientFeatures& client) {
  client.seen = SeenBefore::kClient;
  seen_.Add(client.client);
  if (client.prefix != 0) seen_.Add(PrefixName(client.prefix));
  if (!client.Has(Trait::kNewcomer)) return;
  client.traits &= ~Bit(Trait::kNewcomer);
  client.counted = 0;  // It belongs to other groups now.
  client.payload_counted = 0;
}

void ClusterTable::Remember(const Caller& caller) {
  seen_.Add(caller.client());
  if (caller.prefix != 0) seen_.Add(PrefixName(caller.prefix));
}

ClientFeatures ClusterTable::Preview(const RequestFacts& facts, Time now) const {
  ClientFeatures client{.client = facts.caller.client(), .first_seen = now, .last_seen = now};
  Introduce(client, facts.caller, facts.standing);
  NoteArrival(client, facts, PageBefore(client, facts, now), options_.conduct, now);
  return client;
}

std::optional<Time> ClusterTable::PageBefore(const ClientFeatures& client,
                                             const RequestFacts& facts, Time now) const {
  if (facts.route == Route::kPage || client.Has(Trait::kEntered)) return std::nullopt;
  const std::optional<Time> seen = visits_.Last(facts.caller.address);
  const bool is_after_gap = gap_to_ != Time{} && now - gap_to_ <= kPageOpen;
  // Programs are not asked for pages, with or without a gap.
  if (seen || !is_after_gap || SurfaceOf(facts.route) != Surface::kWeb) return seen;
  return gap_from_;
}

std::uint64_t ClusterTable::GroupName(GroupKind kind, const ClientFeatures& client) {
  const auto name = [&](std::uint64_t value) -> std::uint64_t {
    if (value == 0) return 0;
    const auto manner =
        static_cast<std::uint64_t>(kind) << 8 | static_cast<std::uint64_t>(client.surface()) << 2 |
        (client.Has(Trait::kNewcomer) ? 2U : 0U) | (client.Has(Trait::kPaged) ? 1U : 0U);
    return Mix64(value, manner);
  };
  switch (kind) {
    case GroupKind::kDoor:
      return Mix64(static_cast<std::uint64_t>(DoorOf(client)), 0);
    case GroupKind::kFingerprint:
      return name(client.fingerprint);
    case GroupKind::kPrefix:
      return name(client.prefix);
    case GroupKind::kPayload:
      return name(client.payload);
  }
  return 0;
}

const GroupFeatures* ClusterTable::Group(GroupKind kind, const ClientFeatures& client) const {
  if (kind == GroupKind::kDoor) return &doors_[static_cast<std::size_t>(DoorOf(client))];
  const std::uint64_t name = GroupName(kind, client);
  return name == 0 ? nullptr : groups_.Find(name);
}

void ClusterTable::Count(ClientFeatures& client, const GapSums& gaps, Time now) {
  if (client.epoch != epoch_) {
    client.epoch = epoch_;
    client.counted = 0;
    client.payload_counted = 0;
  }
  const std::uint32_t all = client.traits | kPresent;
  if (const std::uint32_t fresh = all & ~client.counted; fresh != 0) {
    AddTo(GroupKind::kDoor, client, fresh, gaps, now);
    AddTo(GroupKind::kFingerprint, client, fresh, gaps, now);
    AddTo(GroupKind::kPrefix, client, fresh, gaps, now);
    client.counted = all;
  }
  if (const std::uint32_t fresh = all & ~client.payload_counted; fresh != 0) {
    AddTo(GroupKind::kPayload, client, fresh, gaps, now);
    client.payload_counted = all;
  }
}

void ClusterTable::AddTo(GroupKind kind, const ClientFeatures& client, std::uint32_t fresh,
                         const GapSums& gaps, Time now) {
  const bool is_door = kind == GroupKind::kDoor;
  const std::uint64_t name = is_door ? 0 : GroupName(kind, client);
  if (!is_door && name == 0) return;
  GroupFeatures& group =
      is_door ? doors_[static_cast<std::size_t>(DoorOf(client))] : groups_.Take(name, epoch_);
  MoveOn(group, epoch_, LearningRate(), weight());
  if ((fresh & kPresent) != 0) ++group.clients;
  for (std::uint32_t bits = fresh & ~kPresent; bits != 0; bits &= bits - 1) {
    ++group.with[static_cast<std::size_t>(std::countr_zero(bits))];
  }
  group.gaps.Add(gaps);
  if (group.assessed != tick_ && group.clients >= kGroupClientsMin) Assess(group, client, now);
}

void ClusterTable::Assess(GroupFeatures& group, const ClientFeatures& member, Time now) const {
  const double clients = group.clients * weight();
  const double explained = group.usual * trusted_growth_;
  const double excess = std::log((clients + kSmallCrowd) / (explained + kSmallCrowd));
  group.assessed = tick_;
  group.excess = static_cast<float>(known() * std::clamp(excess, 0.0, kExcessMax));
  group.misconduct = static_cast<float>(
      Misconduct(group, baseline_.conduct[static_cast<std::size_t>(member.surface())],
                 member.surface(), member.Has(Trait::kPaged)));
  if (group.excess < kSurgeExcess) return;
  Surge& surge = group.surge;
  if (now - surge.until > kSurgePause) surge = NextSurge(surge, now);
  surge.until = now;
  surge.excess = std::max(surge.excess, group.excess);
  if (group.excess >= 0.6F * surge.excess) surge.misconduct = group.misconduct;
}

Surge ClusterTable::NextSurge(const Surge& last, Time now) const {
  // One that is seen soon after a gap may have begun in it.
  const bool may_be_older = gap_to_ != Time{} && now - gap_to_ <= kSurgePause;
  const Time since = may_be_older ? gap_from_ : now;
  const bool goes_on = last.excess >= kWaveExcess && now - last.until <= kSurgeMemory;
  return {.first = goes_on ? last.first : since, .since = since};
}

void ClusterTable::Advance(Time now) {
  if (tick_end_ == Time{}) tick_end_ = now + tick();
  if (now < tick_end_) return;
  // After a long silence only so many epochs matter: counts are gone by then.
  constexpr int kTicksMax = 64 * kTicksPerEpoch;
  if (now - tick_end_ > kTicksMax * tick()) tick_end_ = now - kTicksMax * tick();
  for (; now >= tick_end_; tick_end_ += tick()) EndTick();
}

void ClusterTable::EndTick() {
  if (++tick_ % kTicksPerEpoch == 0) EndEpoch();
  double clients = 0;
  double trusted = 0;
  double trusted_usual = 0;
  for (int door = 0; door < kDoorCount; ++door) {
    const GroupFeatures& group = doors_[static_cast<std::size_t>(door)];
    clients += group.clients * weight();
    if (!IsTrusted(door)) continue;
    trusted += group.clients * weight();
    trusted_usual += group.usual;
  }
  trusted_growth_ = std::max(1.0, (trusted + kSmallCrowd) / (trusted_usual + kSmallCrowd));
  is_learning_ = may_learn_ && IsQuiet(clients, usual());
}

bool ClusterTable::IsQuiet(double clients, double usual) const {
  if (baseline_.epochs < kWarmUpEpochs) return true;
  if (clients > 2 * (usual + kSmallCrowd)) return false;
  return baseline_.epochs < kLearningEpochs ||
         clients <= kDayGrowthMax * (baseline_.clients_of_day + kSmallCrowd);
}

void ClusterTable::EndEpoch() {
  if (is_learning_) LearnConduct();
  double clients = 0;
  for (const GroupFeatures& door : doors_) clients += door.clients * weight();
  ++epoch_;
  for (GroupFeatures& door : doors_) MoveOn(door, epoch_, LearningRate(), weight());
  if (is_learning_) {
    const double memory = baseline_.epochs < kLearningEpochs ? baseline_.epochs + 1 : kDayEpochs;
    baseline_.clients_of_day += (clients - baseline_.clients_of_day) / memory;
    baseline_.epochs += 1;
  }
  if (clients_.share() < 1 && clients_.Relax(tick_end_)) ChangeGroups(DoubleCounts);
}

double ClusterTable::LearningRate() const {
  return is_learning_ ? 1 / std::min(baseline_.epochs + 1, kLearningEpochs) : 0;
}

double ClusterTable::usual() const {
  double usual = 0;
  for (const GroupFeatures& door : doors_) usual += door.usual;
  return usual;
}

double ClusterTable::known() const { return baseline_.epochs / (baseline_.epochs + 3); }

void ClusterTable::LearnConduct() {
  std::array<GroupFeatures, kSurfaceCount> all{};
  for (int door = 0; door < kDoorCount; ++door) {
    const GroupFeatures& group = doors_[static_cast<std::size_t>(door)];
    const auto entry = static_cast<Route>(door / 2 % kRouteCount);
    GroupFeatures& sum = all[static_cast<std::size_t>(SurfaceOf(entry))];
    sum.clients += group.clients;
    for (std::size_t trait = 0; trait < sum.with.size(); ++trait) {
      sum.with[trait] += group.with[trait];
    }
    sum.gaps.Add(group.gaps);
  }
  for (std::size_t surface = 0; surface < all.size(); ++surface) {
    Learn(baseline_.conduct[surface], all[surface]);
  }
  ApplyConduct();
}

void ClusterTable::ApplyConduct() {
  std::ranges::transform(baseline_.conduct, ordinary_.begin(), OrdinaryOf);
}

void ClusterTable::Save(StateWriter& writer, const StatePart& part) const {
  if (part.is_first()) {
    SaveBaseline(writer);
    groups_.Save(writer);
  }
  seen_.Save(writer, part);
}

void ClusterTable::Load(StateReader& reader, const StatePart& part) {
  if (part.is_first()) {
    LoadBaseline(reader);
    groups_.Load(reader);
  }
  seen_.Load(reader, part);
}

void ClusterTable::SaveBaseline(StateWriter& writer) const {
  for (const Conduct& conduct : baseline_.conduct) {
    for (const auto share : kConductFields) writer.Put(conduct.*share);
  }
  for (const GroupFeatures& door : doors_) writer.Put(double{door.usual});
  writer.Put(baseline_.epochs);
  writer.Put(baseline_.clients_of_day);
}

void ClusterTable::LoadBaseline(StateReader& reader) {
  for (Conduct& conduct : baseline_.conduct) {
    for (const auto share : kConductFields) {
      const bool is_share = share != &Conduct::gap_deviation;
      conduct.*share = is_share ? reader.TakeDouble(0.01, 0.99) : reader.TakeDouble(0, kGapMax);
    }
  }
  for (GroupFeatures& door : doors_) {
    door.usual = static_cast<float>(reader.TakeDouble(0, kClientsMax));
  }
  baseline_.epochs = reader.TakeDouble(0, kClientsMax);
  baseline_.clients_of_day = reader.TakeDouble(0, kClientsMax);
  ApplyConduct();
}

template <typename Change>
void ClusterTable::ChangeGroups(Change change) {
  for (GroupFeatures& group : doors_) change(group);
  for (GroupFeatures& group : groups_.groups()) change(group);
}

std::size_t ClusterTable::state_bytes() const {
  return sizeof(*this) + clients_.state_bytes() + groups_.state_bytes() + seen_.state_bytes() +
         visits_.state_bytes() + prompts_.state_bytes();
}

}  // namespace holdfast::guard
