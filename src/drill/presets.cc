#include "drill/presets.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "drill/capacity.h"
#include "drill/lengths.h"
#include "drill/random_stream.h"

namespace holdfast::drill {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// What happens begins here and lasts this long, so that a detector has seen a quiet time before.
constexpr Time kOnset{minutes(4)};
constexpr Duration kLasts = minutes(4);
constexpr Time kEnd = kOnset + kLasts;

// Share of the capacity that an ordinary day takes.
constexpr double kOrdinaryLoad = 0.6;

struct Shape {
  double prompt = 0;
  double output = 0;
};

constexpr int kDraws = 20'000;

// Requests as a scenario draws them, or as its trace has them.
std::vector<TokenCounts> ShapesOf(const Trace& trace) {
  std::vector<TokenCounts> shapes;
  if (trace == nullptr) {
    RandomStream random(1);
    for (int i = 0; i < kDraws; ++i) shapes.push_back(DrawTokens(Lengths{}, random));
    return shapes;
  }
  for (const TracedRequest& request : *trace) {
    shapes.push_back({std::max(request.prompt_tokens, 1U), std::max(request.output_tokens, 1U)});
  }
  return shapes;
}

Shape MeanShape(const Trace& trace) {
  const std::vector<TokenCounts> shapes = ShapesOf(trace);
  Shape mean;
  for (const TokenCounts& shape : shapes) {
    mean.prompt += shape.prompt / static_cast<double>(shapes.size());
    mean.output += shape.output / static_cast<double>(shapes.size());
  }
  return mean;
}

void SetRate(People& people, double rate_per_s) {
  people.count = 1;
  people.count =
      static_cast<std::uint32_t>(std::max(1.0, rate_per_s / people.MeanRequestsPerSecond() + 0.5));
}

// People of all sorts, an office of 500 behind one address, and API programs.
Scenario Ordinary(const PresetOptions& options) {
  Scenario scenario;
  scenario.name = "ordinary";
  scenario.seed = options.seed;
  scenario.length = minutes(10);
  scenario.engine = options.engine;
  const double rate = kOrdinaryLoad * CapacityFor(options);
  const Lengths lengths{.samples = options.trace};
  People regulars{.kind = CallerKind::kRegular, .lengths = lengths};
  People newcomers{.kind = CallerKind::kNewcomer, .lengths = lengths};
  People office{
      .kind = CallerKind::kOffice, .count = 500, .lengths = lengths, .people_per_address = 500};
  SetRate(regulars, 0.5 * rate);
  SetRate(newcomers, 0.08 * rate);
  office.away_mean_s =
      std::max(60.0, office.away_mean_s * office.MeanRequestsPerSecond() / (0.2 * rate));
  scenario.people = {regulars, newcomers, office};
  constexpr std::uint32_t kPrograms = 40;
  scenario.programs = {
      {.kind = CallerKind::kProgram,
       .count = kPrograms,
       .windows = {{minutes(10), 0.17 * rate / kPrograms, ArrivalLaw::kGamma, 0.5}},
       .lengths = lengths},
      {.kind = CallerKind::kBatch,
       .count = 4,
       .windows = {{minutes(10), 0.05 * rate / 4, ArrivalLaw::kPoisson, 1}},
       .lengths = lengths,
       .timeout_s = 600}};
  scenario.provisioned_cost_per_s = [&] {
    const Shape shape = MeanShape(options.trace);
    return 1.3 * rate * (shape.prompt + 2 * shape.output);
  }();
  return scenario;
}

Scenario UnderAttack(const PresetOptions& options, std::string_view name, const Attack& attack) {
  Scenario scenario = Ordinary(options);
  scenario.name = name;
  scenario.attacks = {attack};
  scenario.attacks.front().start = kOnset;
  scenario.attacks.front().end = kEnd;
  return scenario;
}

double LoadOr(const PresetOptions& options, double load) {
  return options.load > 0 ? options.load : load;
}

Scenario Flood(const PresetOptions& options) {
  const double rate = LoadOr(options, 50) * CapacityFor(options);
  return UnderAttack(options, "flood",
                     {.kind = CallerKind::kLowRateFlood, .sources = 10'000, .rate_per_s = rate});
}

Scenario SourceFlood(const PresetOptions& options) {
  const double rate = LoadOr(options, 50) * CapacityFor(options);
  return UnderAttack(options, "source_flood",
                     {.kind = CallerKind::kSourceFlood, .sources = 20, .rate_per_s = rate});
}

Scenario SignUps(const PresetOptions& options) {
  return UnderAttack(options, "sign_ups",
                     {.kind = CallerKind::kSignUpFlood,
                      .sources = 10'000,
                      .rate_per_s = LoadOr(options, 1) * 10'000 / 60,
                      .account_share = 0});
}

// Some of those whose accounts are guessed at are on a journey.
Scenario PasswordStuffing(const PresetOptions& options) {
  Scenario scenario = UnderAttack(options, "stuffing",
                                  {.kind = CallerKind::kStuffing,
                                   .sources = 5'000,
                                   .rate_per_s = LoadOr(options, 1) * 500,
                                   .account_share = 0,
                                   .customer_share = 0.05});
  for (People& people : scenario.people) people.elsewhere_share = 0.1;
  return scenario;
}

Scenario SlowConnections(const PresetOptions& options) {
  const double load = LoadOr(options, 1);
  Scenario scenario = Ordinary(options);
  scenario.name = "slow";
  for (const CallerKind kind :
       {CallerKind::kSlowHead, CallerKind::kSlowBody, CallerKind::kSlowRead}) {
    scenario.attacks.push_back({.kind = kind,
                                .start = kOnset,
                                .end = kEnd,
                                .sources = 1'000,
                                .rate_per_s = load * (kind == CallerKind::kSlowRead ? 20 : 600),
                                .account_share = 0});
  }
  return scenario;
}

Scenario Handshakes(const PresetOptions& options) {
  return UnderAttack(options, "handshakes",
                     {.kind = CallerKind::kHandshakeFlood,
                      .sources = 5'000,
                      .rate_per_s = LoadOr(options, 1) * 20'000,
                      .account_share = 0,
                      .hold_s = 0.2});
}

Scenario StreamResets(const PresetOptions& options) {
  return UnderAttack(options, "stream_resets",
                     {.kind = CallerKind::kStreamResets,
                      .sources = 2'000,
                      .rate_per_s = LoadOr(options, 1) * 4'000,
                      .account_share = 0});
}

Scenario CostLimits(const PresetOptions& options) {
  return UnderAttack(options, "cost_limits",
                     {.kind = CallerKind::kCostLimit,
                      .sources = 400,
                      .rate_per_s = LoadOr(options, 2) * CapacityFor(options),
                      .lengths = {.prompt_max = 32'000, .output_max = 8'000}});
}

Scenario AbandonedStreams(const PresetOptions& options) {
  return UnderAttack(options, "abandoned",
                     {.kind = CallerKind::kAbandonedStreams,
                      .sources = 2'000,
                      .rate_per_s = LoadOr(options, 10) * CapacityFor(options)});
}

Scenario ModelExtraction(const PresetOptions& options) {
  return UnderAttack(options, "extraction",
                     {.kind = CallerKind::kExtraction,
                      .sources = 60,
                      .rate_per_s = LoadOr(options, 2) * CapacityFor(options),
                      .account_share = 1,
                      .lengths = {.output_max = 1'000}});
}

Scenario Mimics(const PresetOptions& options) {
  return UnderAttack(options, "mimic",
                     {.kind = CallerKind::kMimic,
                      .sources = 4'000,
                      .rate_per_s = LoadOr(options, 5) * CapacityFor(options),
                      .payloads = 2'000,
                      .lengths = {.samples = options.trace}});
}

FlashCrowd CrowdOf(const PresetOptions& options, double load) {
  FlashCrowd crowd{.start = kOnset, .rise = minutes(1), .hold = minutes(2), .fall = minutes(2)};
  crowd.visitor.lengths.samples = options.trace;
  crowd.visitors_per_s = load * CapacityFor(options) / crowd.visitor.turns_mean;
  return crowd;
}

Scenario Crowd(const PresetOptions& options) {
  Scenario scenario = Ordinary(options);
  scenario.name = "crowd";
  scenario.crowds = {CrowdOf(options, LoadOr(options, 4))};
  return scenario;
}

Scenario AttackInCrowd(const PresetOptions& options) {
  Scenario scenario = Flood(options);
  scenario.name = "attack_in_crowd";
  scenario.crowds = {CrowdOf(options, 2)};
  return scenario;
}

Scenario WithFault(const PresetOptions& options, std::string_view name, FaultKind kind,
                   double share) {
  Scenario scenario = Ordinary(options);
  scenario.name = name;
  scenario.faults = {{kind, kOnset, kEnd, share}};
  return scenario;
}

Scenario SlowDown(const PresetOptions& options) {
  return WithFault(options, "slow_down", FaultKind::kSlow, 0.3);
}
Scenario Crash(const PresetOptions& options) {
  Scenario scenario = WithFault(options, "crash", FaultKind::kCrash, 0);
  scenario.faults.front().end = kOnset + seconds(30);
  return scenario;
}
Scenario Misconfigured(const PresetOptions& options) {
  return WithFault(options, "misconfigured", FaultKind::kSmallBatch, 0.1);
}

Scenario Overload(const PresetOptions& options) {
  return OverloadScenario(options, LoadOr(options, 5), kSdkRetries);
}
Scenario NaiveRetries(const PresetOptions& options) {
  return OverloadScenario(options, LoadOr(options, 5), kNaiveRetries);
}

constexpr std::array kPresets{
    Preset{"ordinary", "an ordinary day, nothing happens", Ordinary},
    Preset{"overload", "honest requests alone, 5 x capacity", Overload},
    Preset{"naive_retries", "the same, and everybody retries at once three times", NaiveRetries},
    Preset{"crowd", "a flash crowd of first-time visitors", Crowd},
    Preset{"flood", "50 x capacity from 10,000 sources, half with accounts", Flood},
    Preset{"source_flood", "50 x capacity from 20 sources", SourceFlood},
    Preset{"sign_ups", "10,000 sign-ups a minute in lock-step", SignUps},
    Preset{"stuffing", "500 guessed passwords a second from 5,000 sources", PasswordStuffing},
    Preset{"slow", "slow heads, bodies and readers", SlowConnections},
    Preset{"handshakes", "20,000 TLS handshakes a second", Handshakes},
    Preset{"stream_resets", "HTTP/2 streams opened and reset", StreamResets},
    Preset{"cost_limits", "prompts and answers as long as they may be", CostLimits},
    Preset{"abandoned", "answers that are left at once, 10 x capacity", AbandonedStreams},
    Preset{"extraction", "60 accounts that copy the model", ModelExtraction},
    Preset{"mimic", "hostile sessions that replay honest ones, 5 x capacity", Mimics},
    Preset{"attack_in_crowd", "a flood hidden in a flash crowd", AttackInCrowd},
    Preset{"slow_down", "the engine at 30 % of its speed", SlowDown},
    Preset{"crash", "the engine is gone for 30 seconds", Crash},
    Preset{"misconfigured", "batches of a tenth of their size", Misconfigured},
};

}  // namespace

std::span<const Preset> Presets() { return kPresets; }

const Preset* FindPreset(std::string_view name) {
  const auto found = std::ranges::find(kPresets, name, &Preset::name);
  return found == kPresets.end() ? nullptr : &*found;
}

double CapacityFor(const PresetOptions& options) {
  return MeasureCapacity(options.engine, ShapesOf(options.trace));
}

// Every load sees the same lengths: with a trace all of it, else draws of one law.
Scenario OverloadScenario(const PresetOptions& options, double load, const RetryLaw& retries) {
  Scenario scenario;
  scenario.name = "overload";
  scenario.seed = options.seed;
  scenario.length = minutes(8);
  scenario.engine = options.engine;
  scenario.warm_up = minutes(2);
  scenario.capacity_per_s = CapacityFor(options);
  scenario.returns_within = retries.retries_max * retries.obeyed_max;
  const double rate = load * scenario.capacity_per_s;
  if (options.trace == nullptr) {
    constexpr std::uint32_t kPrograms = 200;
    scenario.programs = {{.count = kPrograms,
                          .windows = {{minutes(10), rate / kPrograms, ArrivalLaw::kGamma, 0.7}},
                          .retries = retries,
                          .timeout_s = 30}};
    return scenario;
  }
  const double trace_s = std::max(guard::ToSeconds(options.trace->back().at), 1.0);
  const double trace_rate = static_cast<double>(options.trace->size()) / trace_s;
  TraceReplay replay{.requests = options.trace, .compression = rate / trace_rate};
  replay.retries = retries;
  const double rounds =
      std::max(1.0, guard::ToSeconds(scenario.length) * replay.compression / trace_s);
  scenario.traces = {replay};
  scenario.length =
      scenario.warm_up + guard::FromSeconds(std::ceil(rounds) * trace_s / replay.compression);
  return scenario;
}

}  // namespace holdfast::drill
