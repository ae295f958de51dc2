#include "drill/live_judge.h"

#include <algorithm>
#include <utility>

#include "drill/door_options.h"

namespace holdfast::drill {

LiveJudgeOptions LiveJudgeOptions::For(const Scenario& scenario, Time onset) {
  LiveJudgeOptions options;
  options.quiet_from = Time(scenario.warm_up);
  options.quiet_to = onset;
  options.seed = scenario.seed;
  return options;
}

LiveJudge::LiveJudge(const Scenario& scenario, const LiveJudgeOptions& options)
    : scenario_(scenario),
      options_(options),
      table_({}, options.seed),
      journal_({}, options.seed),
      tracker_() {}

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
  if (provision_.levels.empty() && now >= options_.quiet_to) {
    const auto quiet = journal_.Records(options_.quiet_from, options_.quiet_to);
    verdict::ProvisionedLevel level = verdict::LearnLevel(
        quiet, options_.quiet_from, options_.quiet_to, NominalAdmission(scenario_));
    level.cost_per_s *= options_.provision_margin;
    provision_.levels.push_back(level);
  }
  using Change = verdict::IncidentTracker::Change;
  const Change change = tracker_.Advance(now);
  table_.SetLearning(!tracker_.is_open());
  if (change == Change::kOpened || change == Change::kReopened) {
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
  verdict::JudgeInput input = Gather(now, is_final);
  verdict::JudgeOptions judgement = options_.final_judgement;
  if (!is_final) judgement.attempts_max = options_.early_attempts_max;
  judged.verdicts.push_back(verdict::Judge(input, options_.seed, judgement));
  judged_ = now;
  ++early_verdicts_;
  is_known_ = judged.verdicts.back().label != verdict::Label::kUnknown;
  if (is_final) judged.input = std::move(input);
}

verdict::JudgeInput LiveJudge::Gather(Time now, bool is_final) const {
  const verdict::Incident& incident = tracker_.incident();
  verdict::JudgeInput input;
  const Time from = incident.onset - options_.final_judgement.lead_in;
  input.records = journal_.Records(from, now, now);
  input.gaps = journal_.Gaps(from, now);
  scorer_.Score(table_, now, input.scores);
  for (const verdict::OutsideProbe& probe : probes_) {
    if (probe.time >= from) input.probes.push_back(probe);
  }
  input.capacity = capacity_;
  input.provision = provision_;
  input.admission = NominalAdmission(scenario_);
  input.engine = scenario_.engine;
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
