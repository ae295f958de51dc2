#include "drill/live_judge.h"

#include <algorithm>
#include <utility>

#include "base/mix.h"
#include "drill/door_options.h"

namespace holdfast::drill {
namespace {

constexpr Duration kUntilRestart = std::chrono::seconds(20);
// What is lost is noticed so much later than it begins.
constexpr Duration kBeforeNoticed = std::chrono::seconds(10);

verdict::Verdict OnClockOf(Time zero, verdict::Verdict verdict) {
  for (const auto time : {&verdict::Verdict::onset, &verdict::Verdict::time,
                          &verdict::Verdict::counted_from, &verdict::Verdict::counted_to}) {
    verdict.*time += zero.time_since_epoch();
  }
  return verdict;
}

}  // namespace

LiveJudgeOptions LiveJudgeOptions::For(const LabelledIncident& incident) {
  LiveJudgeOptions options;
  options.quiet_from = Time(incident.scenario.warm_up);
  options.quiet_to = incident.onset;
  options.seed = incident.scenario.seed;
  options.ablation = incident.ablation;
  return options;
}

LiveJudge::LiveJudge(const Scenario& scenario, const LiveJudgeOptions& options)
    : scenario_(scenario),
      options_(options),
      table_({}, options.seed),
      scorer_(options.calibration),
      journal_({}, options.seed),
      tracker_(),
      speed_(scenario.engine) {}

void LiveJudge::OnRequest(const guard::RequestFacts& facts, const Answer& answer,
                          const Truth& truth) {
  is_hostile_.emplace(facts.caller.client(), truth.is_hostile());
  table_.OnRequest(facts, {answer.refusal, answer.retry_after}, facts.time);
  refused_ = {facts.caller.client(), facts.time, answer.retry_after};
  const bool is_let_in = answer.refusal == guard::Refusal::kNone;
  if (is_let_in && guard::IsGeneration(facts.route)) journal_.Begin(facts);
}

void LiveJudge::OnFirstToken(const guard::RequestFacts& facts, Time now) {
  journal_.OnFirstToken(facts, now);
  speed_.OnPrompt(facts.prompt_tokens);
}

void LiveJudge::OnOutcome(const guard::RequestFacts& facts, const guard::OutcomeFacts& outcome,
                          const Truth&) {
  table_.OnOutcome(outcome);
  if (!guard::IsGeneration(facts.route)) return;
  // A refusal at arrival ends at once: this outcome follows its request.
  const bool is_refusal = outcome.ending == guard::Ending::kRefused &&
                          refused_.client == facts.caller.client() && refused_.time == facts.time;
  journal_.Add(facts, outcome, is_refusal ? refused_.retry_after : Duration(0));
  Track(facts, outcome);
}

void LiveJudge::OnUnwritten(const guard::RequestFacts& facts, const guard::OutcomeFacts& outcome) {
  if (guard::IsGeneration(facts.route)) Track(facts, outcome);
}

void LiveJudge::Track(const guard::RequestFacts& facts, const guard::OutcomeFacts& outcome) {
  if (outcome.time < options_.quiet_from) return;  // A simulation starts with all at once.
  const double hostile = guard::ProbabilityOf(scorer_.LogOddsOfSender(table_, facts, outcome.time));
  const bool is_lost =
      verdict::WasLost(verdict::MakeRecord(facts, outcome, Duration(0)), scenario_.level);
  tracker_.Add(outcome.time, !is_lost, 1 - hostile);
}

void LiveJudge::OnConnection(const guard::ConnectionFacts& facts, const Truth&) {
  table_.OnConnection(facts);
}

void LiveJudge::OnCapacity(const CapacityChange& change) {
  capacity_.steps.push_back({.time = change.time,
                             .engine_share = change.engine_share,
                             .workers_up = change.workers_up,
                             .workers_total = change.workers_total,
                             .batch_share = change.batch_share,
                             .limits_share = change.limits_share});
}

void LiveJudge::OnProbe(const ProbeFacts& probe) {
  probes_.push_back({probe.time, probe.has_reached_host, probe.host_busy_share});
  tracker_.AddProbe(probe.time, probe.has_reached_host);
}

void LiveJudge::OnGap(Time from, Time to) {
  journal_.MarkGap(from, to);
  table_.MarkGap(from, to);
}

void LiveJudge::OnSecond(Time now) {
  const bool is_told = options_.ablation != Ablation::kOnsetUntold;
  if (is_told && now >= options_.quiet_to) LearnProvision(options_.quiet_to);
  if (options_.ablation == Ablation::kRestart && now >= options_.quiet_to + kUntilRestart) {
    Forget(now);
  }
  using Change = verdict::IncidentTracker::Change;
  const Change change = tracker_.Advance(now);
  table_.SetLearning(!tracker_.is_open());
  if (change == Change::kOpened || change == Change::kReopened) {
    if (!is_told) LearnProvision(tracker_.incident().onset - kBeforeNoticed);
    if (change == Change::kOpened) incidents_.emplace_back();
    incidents_.back().incident = tracker_.incident();
    judged_ = now;
    early_verdicts_ = 0;
    is_known_ = false;
  } else if (change == Change::kClosed) {
    Judge(now, true);
  } else if (tracker_.is_open() && now - judged_ >= Pause()) {
    Judge(now, false);
  }
}

// Of the quiet time that ends then; once.
void LiveJudge::LearnProvision(Time quiet_to) {
  if (!provision_.levels.empty() || quiet_to <= options_.quiet_from) return;
  const auto quiet = journal_.Records(options_.quiet_from, quiet_to);
  verdict::ProvisionedLevel level =
      verdict::LearnLevel(quiet, options_.quiet_from, quiet_to, NominalAdmission(scenario_));
  level.cost_per_s *= options_.provision_margin;
  provision_.levels.push_back(level);
}

// As a judge that was started again; the journal is on the disk.
void LiveJudge::Forget(Time now) {
  if (has_forgotten_) return;
  has_forgotten_ = true;
  table_ = guard::ClusterTable({}, options_.seed);
  table_.SetLearning(false);
  table_.MarkGap(now - std::chrono::seconds(1), now);
}

// Often at first, then ever more seldom; seldom once the cause is known.
Duration LiveJudge::Pause() const {
  if (is_known_) return options_.known_interval;
  const int doublings = std::max(early_verdicts_ - options_.early_verdicts, 0);
  return std::min(options_.judge_interval * (1 << std::min(doublings, 8)), options_.known_interval);
}

void LiveJudge::Finish(Time now) {
  if (tracker_.is_open()) Judge(now, true);
}

void LiveJudge::Judge(Time now, bool is_final) {
  JudgedIncident& judged = incidents_.back();
  judged.incident = tracker_.incident();
  const std::uint64_t secret = Mix64(options_.seed);  // Nobody to hide.
  const incidents::Depth depth = is_final ? incidents::Depth::kFinal : incidents::Depth::kEarly;
  incidents::JudgedBundle made = incidents::MakeBundle(
      Gather(now, is_final), depth, options_.zero_unix_s, secret, options_.calibration);
  judged.verdicts.push_back(OnClockOf(made.zero, made.verdict));
  judged_ = now;
  ++early_verdicts_;
  is_known_ = judged.verdicts.back().label != verdict::Label::kUnknown;
  judged.bundle = std::move(made.bundle);
}

verdict::JudgeInput LiveJudge::Gather(Time now, bool is_final) const {
  const verdict::Incident& incident = tracker_.incident();
  verdict::JudgeInput input;
  const Time from = incident.onset - incidents::JudgementOf(incidents::Depth::kFinal).lead_in;
  input.records = journal_.Records(from, now, now);
  input.gaps = journal_.Gaps(from, now);
  scorer_.Score(table_, now, input.scores);
  for (const verdict::OutsideProbe& probe : probes_) {
    if (probe.time >= from) input.probes.push_back(probe);
  }
  const bool is_estimated = options_.ablation == Ablation::kCapacityFromTokens;
  input.capacity = is_estimated ? speed_.trace() : capacity_;
  input.provision = provision_;
  input.admission = NominalAdmission(scenario_);
  input.engine = scenario_.engine;
  if (options_.ablation == Ablation::kOtherEngine) {
    input.engine.step_base_s *= 1.2;
    input.engine.prefill_token_s *= 0.8;
  }
  input.onset = incident.onset;
  if (is_final && incident.closed != Time{}) input.end = incident.end;
  input.now = now;
  return input;
}

const JudgedIncident* LiveJudge::worst() const {
  const auto lost = [](const JudgedIncident& judged) {
    return judged.verdicts.empty() ? -1.0 : judged.verdicts.back().lost_observed;
  };
  const auto at = std::ranges::max_element(incidents_, {}, lost);
  return at == incidents_.end() || at->verdicts.empty() ? nullptr : &*at;
}

std::vector<ScoredClient> LiveJudge::ScoreClients(Time now) const {
  std::vector<guard::ClusterScore> scores;
  scorer_.Score(table_, now, scores);
  std::vector<ScoredClient> clients;
  clients.reserve(scores.size());
  for (const guard::ClusterScore& score : scores) {
    const auto truth = is_hostile_.find(score.client);
    if (truth == is_hostile_.end()) continue;  // Only connections, no request.
    clients.push_back({score.probability(), static_cast<double>(score.requests), truth->second});
  }
  return clients;
}

}  // namespace holdfast::drill
