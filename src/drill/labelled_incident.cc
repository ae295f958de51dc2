#include "drill/labelled_incident.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "base/random.h"
#include "drill/simulation.h"
#include "drill/trace_segment.h"

namespace holdfast::drill {
namespace {

using std::chrono::seconds;

constexpr double kMeanPrompt = 1155, kMeanOutput = 211;  // Of Lengths{}.
// The service is built for so much more than an ordinary hour brings.
constexpr double kProvisionMargin = 1.2;

// Draws from ranges, in an order that is part of an incident's identity.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  double In(double low, double high) { return low + (high - low) * random_.Uniform(); }
  // Even in the logarithm.
  double Log(double low, double high) { return low * std::pow(high / low, random_.Uniform()); }
  bool Chance(double share) { return random_.Uniform() < share; }
  std::size_t Of(std::size_t count) { return static_cast<std::size_t>(random_.Next() % count); }
  template <typename T, std::size_t N>
  T Of(const std::array<T, N>& choices) {
    return choices[Of(N)];
  }
  std::uint64_t Seed() { return random_.Next(); }

 private:
  Random random_;
};

struct Draft {
  LabelledIncident& incident;
  Dice& dice;
  double capacity_per_s = 0;  // Requests that the engine sustains.
  Time end{};                 // Of the causes.

  Scenario& scenario() { return incident.scenario; }
  Time onset() const { return incident.onset; }
};

People PeopleAtRate(People people, double requests_per_s) {
  people.count = 1000;
  const double per_thousand = people.MeanRequestsPerSecond();
  people.count = static_cast<std::uint32_t>(std::lround(1000 * requests_per_s / per_thousand));
  return people;
}

Programs ProgramsAtRate(Dice& dice, CallerKind kind, double requests_per_s) {
  Programs programs;
  programs.kind = kind;
  programs.count = static_cast<std::uint32_t>(dice.In(8, 40));
  const double each = requests_per_s / programs.count;
  const double shape = dice.In(0.35, 1.1);  // ServeGen's programs come in bursts.
  for (int window = 0; window < 6; ++window) {
    programs.windows.push_back({.length = seconds(60),
                                .rate_per_s = each * dice.In(0.8, 1.2),
                                .law = dice.Chance(0.5) ? ArrivalLaw::kGamma : ArrivalLaw::kWeibull,
                                .shape = shape});
  }
  return programs;
}

// Ordinary traffic at `requests_per_s`: people at home and in offices, newcomers, programs.
void AddPeople(Draft& draft, double requests_per_s) {
  Dice& dice = draft.dice;
  const double programs = dice.In(0.05, 0.4), office = dice.In(0, 0.3),
               newcomers = dice.In(0.02, 0.12);
  const double regulars = 1 - programs - office - newcomers;
  auto& people = draft.scenario().people;
  people.push_back(PeopleAtRate({.kind = CallerKind::kRegular}, regulars * requests_per_s));
  people.push_back(PeopleAtRate({.kind = CallerKind::kNewcomer}, newcomers * requests_per_s));
  if (office > 0.05) {
    People crowd{.kind = CallerKind::kOffice};
    crowd.people_per_address = static_cast<std::uint32_t>(dice.Log(20, 500));
    crowd.fingerprints = static_cast<std::uint32_t>(dice.In(1, 6));
    people.push_back(PeopleAtRate(crowd, office * requests_per_s));
  }
  draft.scenario().programs.push_back(
      ProgramsAtRate(dice, CallerKind::kProgram, programs * requests_per_s));
}

// The trace's requests as `load` of what the engine sustains of requests as long as these.
void AddTrace(Draft& draft, const IncidentTraffic& traffic, double load) {
  Dice& dice = draft.dice;
  const auto& requests = *traffic.trace;
  double prompt = 0, output = 0;
  for (const TracedRequest& request : requests) {
    prompt += request.prompt_tokens;
    output += request.output_tokens;
  }
  const auto count = static_cast<double>(requests.size());
  const double capacity_per_s =
      verdict::SustainedRequestsPerSecond(draft.scenario().engine, prompt / count, output / count);
  const Trace segment = CutSegment(traffic.trace, {.length = draft.scenario().length,
                                                   .requests_per_s = load * capacity_per_s,
                                                   .begin = dice.In(0, 1)});
  if (segment == nullptr) return;
  draft.scenario().traces.push_back({.requests = segment,
                                     .callers = static_cast<std::uint32_t>(dice.Log(100, 1500)),
                                     .retries = dice.Chance(0.3) ? kNaiveRetries : kSdkRetries,
                                     .timeout_s = 30,
                                     .history_share = dice.In(0.5, 0.9)});
}

// `strength`: how many times the capacity comes on top, at the height.
void AddCrowd(Draft& draft, double strength) {
  Dice& dice = draft.dice;
  FlashCrowd crowd{.start = draft.onset()};
  const double total_s = guard::ToSeconds(draft.end - draft.onset());
  const double rise = dice.In(0.05, 0.5), fall = dice.In(0.05, 0.3);
  crowd.rise = guard::FromSeconds(total_s * rise);
  crowd.fall = guard::FromSeconds(total_s * fall);
  crowd.hold = guard::FromSeconds(total_s * (1 - rise - fall));
  crowd.visitor.turns_mean = dice.In(1.5, 4);
  crowd.visitor.patience_median_s = dice.Log(8, 40);
  crowd.visitor.think_median_s = dice.Log(8, 30);
  crowd.visitors_per_s = strength * draft.capacity_per_s / crowd.visitor.turns_mean;
  // Half of all crowds are almost only first-time visitors, who look most like an attack.
  crowd.first_visit_share = dice.Chance(0.5) ? dice.In(0.85, 1.0) : dice.In(0.1, 0.85);
  crowd.signs_up_share = dice.In(0, 0.6);
  crowd.viral_share = dice.In(0, 0.9);
  crowd.shared_share = dice.In(0.1, 0.9);
  draft.scenario().crowds.push_back(crowd);
}

// `strength`: requests that want an engine, over its capacity.
void AddAttack(Draft& draft, double strength) {
  Dice& dice = draft.dice;
  static constexpr std::array kKinds = {CallerKind::kLowRateFlood,
                                        CallerKind::kLowRateFlood,
                                        CallerKind::kSourceFlood,
                                        CallerKind::kCostLimit,
                                        CallerKind::kAbandonedStreams,
                                        CallerKind::kExtraction,
                                        CallerKind::kMimic,
                                        CallerKind::kMimic,
                                        CallerKind::kSignUpFlood};
  Attack attack{.kind = dice.Of(kKinds), .start = draft.onset(), .end = draft.end};
  attack.rate_per_s = strength * draft.capacity_per_s;
  // From a request of each source in ten seconds or more to several a second.
  const bool few = attack.kind == CallerKind::kSourceFlood;
  attack.sources = static_cast<std::uint32_t>(
      std::max(4.0, attack.rate_per_s * (few ? dice.Log(0.05, 0.5) : dice.Log(4, 40))));
  attack.account_share = dice.In(0.2, 1.0);
  // Bought accounts are what gets past the fair share; they are dear.
  attack.history_share = dice.In(0.2, 0.9);
  attack.sources_per_prefix = static_cast<std::uint32_t>(dice.Log(1, 64));
  attack.fingerprints = static_cast<std::uint32_t>(dice.Log(1, 30));
  attack.payloads = static_cast<std::uint32_t>(dice.Log(1, 3000));
  attack.read_share = attack.kind == CallerKind::kAbandonedStreams ? 0.05 : dice.In(0.3, 1.0);
  attack.page_share = attack.kind == CallerKind::kMimic ? dice.In(0.3, 0.9) : dice.In(0, 0.15);
  attack.patience_s = dice.Log(5, 60);
  draft.scenario().attacks.push_back(attack);
}

void AddCapacityLoss(Draft& draft, double share_left) {
  static constexpr std::array kKinds = {
      FaultKind::kSlow,  FaultKind::kWorkersDown, FaultKind::kSlow,       FaultKind::kWorkersDown,
      FaultKind::kCrash, FaultKind::kStall,       FaultKind::kSmallBatch, FaultKind::kTightLimits};
  Dice& dice = draft.dice;
  Fault fault{.kind = dice.Of(kKinds), .start = draft.onset(), .end = draft.end};
  const bool is_total = fault.kind == FaultKind::kCrash || fault.kind == FaultKind::kStall;
  if (is_total) {
    // Again and again: a crash loop, a stalling disk.
    for (Time at = draft.onset(); at < draft.end;) {
      const Duration down = guard::FromSeconds(dice.In(8, 40));
      draft.scenario().faults.push_back({fault.kind, at, std::min(at + down, draft.end), 0.0});
      at += down + guard::FromSeconds(dice.In(3, 20));
    }
    return;
  }
  fault.share = fault.kind == FaultKind::kTightLimits || fault.kind == FaultKind::kSmallBatch
                    ? share_left * 0.4
                    : share_left;
  draft.scenario().faults.push_back(fault);
}

// What leaves no evidence of its cause: requests lost before the host, or a journal not written.
void AddBlindness(Draft& draft) {
  Dice& dice = draft.dice;
  if (dice.Chance(0.5)) {
    draft.scenario().faults.push_back(
        {FaultKind::kUplink, draft.onset(), draft.end, dice.In(0.4, 1.0)});
    return;
  }
  // Something happens, and the part of the journal that would tell is missing.
  if (dice.Chance(0.5)) {
    AddCrowd(draft, dice.In(1, 3));
  } else {
    AddAttack(draft, dice.In(2, 8));
  }
  const double total_s = guard::ToSeconds(draft.end - draft.onset());
  const Time from = draft.onset() + guard::FromSeconds(dice.In(0, 0.1) * total_s);
  draft.scenario().faults.push_back(
      {FaultKind::kBlind, from, draft.end - guard::FromSeconds(dice.In(0, 0.15) * total_s), 0.0});
}

// The crowd as programs that were never seen before: each asks some times, by a stock SDK.
void ComeByApi(Scenario& scenario) {
  for (const FlashCrowd& crowd : scenario.crowds) {
    const double requests_per_s = crowd.visitors_per_s * crowd.visitor.turns_mean;
    Programs programs{.kind = CallerKind::kVisitor,
                      .count = static_cast<std::uint32_t>(20 * requests_per_s) + 1,
                      .lengths = crowd.visitor.lengths,
                      .standing = guard::Standing::kNew};
    const double each = requests_per_s / programs.count;
    const Duration end = crowd.start.time_since_epoch() + crowd.rise + crowd.hold + crowd.fall;
    programs.windows = {{.length = crowd.start.time_since_epoch()},
                        {.length = crowd.rise, .rate_per_s = each / 2},
                        {.length = crowd.hold, .rate_per_s = each},
                        {.length = crowd.fall, .rate_per_s = each / 2},
                        {.length = std::max(scenario.length - end, Duration(seconds(1)))}};
    scenario.programs.push_back(programs);
  }
  scenario.crowds.clear();
}

void TakeAway(Ablation ablation, Scenario& scenario) {
  if (ablation == Ablation::kNobodyKnown || ablation == Ablation::kFreshInstall) {
    scenario.announces_regulars = false;
  }
  if (ablation == Ablation::kFreshInstall) scenario.everybody_is_new = true;
  if (ablation == Ablation::kBrowserPages) scenario.page_files = 10;
  if (ablation == Ablation::kCrowdByApi) ComeByApi(scenario);
  if (ablation != Ablation::kReadingAttackers) return;
  for (Attack& attack : scenario.attacks) {
    if (attack.kind != CallerKind::kAbandonedStreams) attack.read_share = 1;
  }
}

void AddCauses(Draft& draft, IncidentClass incident_class) {
  Dice& dice = draft.dice;
  switch (incident_class) {
    case IncidentClass::kCrowd:
      return AddCrowd(draft, dice.Log(0.9, 8));
    case IncidentClass::kAttack:
      return AddAttack(draft, dice.Log(1.5, 25));
    case IncidentClass::kLostCapacity:
      return AddCapacityLoss(draft, dice.In(0.05, 0.5));
    case IncidentClass::kMixed: {
      // Two of the three, or all.
      const std::size_t absent = dice.Of(4);
      if (absent != 0) AddCrowd(draft, dice.Log(0.6, 2.5));
      if (absent != 1) AddAttack(draft, dice.Log(1, 6));
      if (absent != 2) AddCapacityLoss(draft, dice.In(0.3, 0.7));
      return;
    }
    case IncidentClass::kUnknown:
      return AddBlindness(draft);
  }
}

bool IsClear(const LabelledIncident& incident) {
  if (incident.lost - incident.lost_at_best < kLostMin) return false;
  const double most = *std::ranges::max_element(incident.shares);
  switch (incident.incident_class) {
    case IncidentClass::kCrowd:
      return incident.shares[static_cast<int>(verdict::Cause::kDemand)] >= kPureShare;
    case IncidentClass::kAttack:
      return incident.shares[static_cast<int>(verdict::Cause::kHostile)] >= kPureShare;
    case IncidentClass::kLostCapacity:
      return incident.shares[static_cast<int>(verdict::Cause::kLostCapacity)] >= kPureShare;
    case IncidentClass::kMixed:
      return most <= kMixedShare;
    case IncidentClass::kUnknown:
      return true;
  }
  return false;
}

double LostWishes(const Scenario& scenario) {
  const KindResult honest = Simulate(scenario).honest();
  return static_cast<double>(honest.wishes) - static_cast<double>(honest.good);
}

// Weighted tokens of honest wishes a second before the onset.
double OrdinaryCostPerSecond(const LabelledIncident& incident) {
  struct CostMeter final : Observer {
    Time from{}, to{};
    double cost = 0;
    void OnOutcome(const guard::RequestFacts& facts, const guard::OutcomeFacts& outcome,
                   const Truth& truth) override {
      if (truth.is_hostile() || facts.attempt > 0 || !guard::IsGeneration(facts.route)) return;
      if (facts.time < from || facts.time >= to) return;
      cost += outcome.prompt_tokens + 2.0 * outcome.output_tokens;
    }
  } meter;
  meter.from = Time(incident.scenario.warm_up);
  meter.to = incident.onset;
  Scenario quiet = incident.scenario;
  quiet.length = incident.onset.time_since_epoch() + seconds(20);  // What is under way may end.
  quiet.crowds.clear();
  quiet.attacks.clear();
  quiet.faults.clear();
  Simulate(quiet, &meter);
  return meter.cost / guard::ToSeconds(meter.to - meter.from);
}

}  // namespace

std::string_view IncidentClassWord(IncidentClass incident_class) {
  static constexpr std::array<std::string_view, kIncidentClassCount> kWords = {
      "crowd", "attack", "lost_capacity", "mixed", "unknown"};
  return kWords[static_cast<std::size_t>(incident_class)];
}

verdict::Label LabelOf(IncidentClass incident_class) {
  switch (incident_class) {
    case IncidentClass::kCrowd:
      return verdict::Label::kDemand;
    case IncidentClass::kAttack:
      return verdict::Label::kAttack;
    case IncidentClass::kLostCapacity:
      return verdict::Label::kLostCapacity;
    case IncidentClass::kMixed:
      return verdict::Label::kMixed;
    case IncidentClass::kUnknown:
      break;
  }
  return verdict::Label::kUnknown;
}

LabelledIncident DraftIncident(std::uint64_t seed, IncidentClass incident_class,
                               const IncidentTraffic& traffic) {
  LabelledIncident incident;
  incident.seed = seed;
  incident.incident_class = incident_class;
  Dice dice(seed);
  Scenario& scenario = incident.scenario;
  scenario.name = std::string(IncidentClassWord(incident_class));
  scenario.seed = dice.Seed();
  const bool is_fresh = traffic.ablation == Ablation::kFreshInstall;
  incident.ablation = traffic.ablation;
  if (is_fresh) scenario.warm_up = seconds(20);
  incident.onset = Time(is_fresh ? seconds(50) : seconds(180)) + guard::FromSeconds(dice.In(0, 30));
  Draft draft{incident, dice};
  draft.capacity_per_s =
      verdict::SustainedRequestsPerSecond(scenario.engine, kMeanPrompt, kMeanOutput);
  draft.end = incident.onset + guard::FromSeconds(dice.In(60, 150));
  scenario.length = draft.end.time_since_epoch() + seconds(45);
  const double load = dice.In(0.4, 0.7);
  if (traffic.trace != nullptr) {
    const double traced = dice.In(0.5, 1.0);
    AddTrace(draft, traffic, traced * load);
    AddPeople(draft, (1 - traced) * draft.capacity_per_s * load);
  } else {
    AddPeople(draft, draft.capacity_per_s * load);
  }
  AddCauses(draft, incident_class);
  TakeAway(traffic.ablation, scenario);
  scenario.provisioned_cost_per_s = kProvisionMargin * OrdinaryCostPerSecond(incident);
  return incident;
}

void Weigh(LabelledIncident& incident) {
  Scenario thinned = Counterfactual(incident.scenario, {true, false, true});
  verdict::WorldLosses losses{};
  for (int world = 0; world < verdict::kWorldCount; ++world) {
    const auto presence = verdict::CausePresence::Of(world);
    Scenario scenario = presence.demand ? incident.scenario : thinned;
    scenario.causes = {presence.hostile, presence.demand, presence.lost_capacity};
    losses[world] = LostWishes(scenario);
  }
  incident.lost = losses.back();
  incident.lost_at_best = losses.front();
  incident.shares = verdict::ShapleyShares(losses);
}

std::optional<LabelledIncident> MakeIncident(std::uint64_t seed, const IncidentTraffic& traffic) {
  Dice dice(seed ^ 0xD1CEull);
  const auto incident_class = static_cast<IncidentClass>(dice.Of(kIncidentClassCount));
  for (int draft = 0; draft < kDraftsMax; ++draft) {
    LabelledIncident incident = DraftIncident(dice.Seed(), incident_class, traffic);
    if (incident_class == IncidentClass::kUnknown) {
      incident.lost = LostWishes(incident.scenario);
    } else {
      Weigh(incident);
    }
    if (!IsClear(incident)) continue;
    incident.seed = seed;
    incident.redraws = draft;
    return incident;
  }
  return std::nullopt;
}

}  // namespace holdfast::drill
