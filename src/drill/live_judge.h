// LiveJudge: watches a simulation as the gateway would watch its traffic, opens an incident when
// the promise breaks, and judges it: every few seconds until the cause is known, and once more when
// it is over. Sees the truth only to say afterwards how good the odds of each client were.
// Single-threaded.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "drill/ablation.h"
#include "drill/labelled_incident.h"
#include "drill/observer.h"
#include "drill/scenario.h"
#include "guard/evidence/calibration.h"
#include "guard/evidence/cluster_table.h"
#include "guard/evidence/scorer.h"
#include "incidents/bundle.h"
#include "verdict/capacity_trace.h"
#include "verdict/incident.h"
#include "verdict/journal.h"
#include "verdict/speed_estimate.h"
#include "verdict/verdict.h"

namespace holdfast::drill {

struct LiveJudgeOptions {
  // While the incident is open and its cause is not known: so many verdicts at this interval, then
  // at one that doubles each time up to the other, at which a known cause is looked at again.
  Duration judge_interval = std::chrono::seconds(2);
  int early_verdicts = 18;
  Duration known_interval = std::chrono::seconds(40);
  // The quiet time from which the provision and the ordinary conduct are learned.
  Time quiet_from{};
  Time quiet_to{};
  double provision_margin = 1.2;
  std::uint64_t seed = 1;
  std::int64_t zero_unix_s = 1'767'225'600;  // 2026-01-01: a day as good as any.

  Ablation ablation = Ablation::kNone;
  guard::Calibration calibration = guard::kCalibration;

  // For an incident before whose onset all is ordinary.
  static LiveJudgeOptions For(const LabelledIncident& incident);
};

// What was made of one incident.
struct JudgedIncident {
  verdict::Incident incident;
  std::vector<verdict::Verdict> verdicts;  // In order of time; the last is the final one.
  incidents::Bundle bundle;                // Of the last.
};

// A client's odds at the end, and the truth.
struct ScoredClient {
  double probability = 0;  // Of being hostile.
  double requests = 0;
  bool is_hostile = false;
};

class LiveJudge final : public Observer {
 public:
  LiveJudge(const Scenario& scenario, const LiveJudgeOptions& options);

  void OnKnown(const guard::Caller& caller) override { table_.Remember(caller); }
  void OnEngineReport(const guard::EngineReport& report, Time now) override {
    speed_.OnReport(report, now);
  }
  void OnRequest(const guard::RequestFacts& facts, const Answer& answer,
                 const Truth& truth) override;
  void OnOutcome(const guard::RequestFacts& facts, const guard::OutcomeFacts& outcome,
                 const Truth& truth) override;
  void OnFirstToken(const guard::RequestFacts& facts, Time now) override;
  void OnUnwritten(const guard::RequestFacts& facts, const guard::OutcomeFacts& outcome) override;
  void OnConnection(const guard::ConnectionFacts& facts, const Truth& truth) override;
  void OnCapacity(const CapacityChange& change) override;
  void OnProbe(const ProbeFacts& probe) override;
  void OnGap(Time from, Time to) override;
  void OnSecond(Time now) override;

  // Ends what is still open. Call once, after the simulation.
  void Finish(Time now);

  const std::vector<JudgedIncident>& incidents() const { return incidents_; }
  // The incident in which most was lost; null when there was none.
  const JudgedIncident* worst() const;
  std::vector<ScoredClient> ScoreClients(Time now) const;

 private:
  void LearnProvision(Time quiet_to);
  void Forget(Time now);
  void Track(const guard::RequestFacts& facts, const guard::OutcomeFacts& outcome);
  Duration Pause() const;
  void Judge(Time now, bool is_final);
  verdict::JudgeInput Gather(Time now, bool is_final) const;

  struct Refused {
    std::uint64_t client = 0;
    Time time{};
    Duration retry_after{0};
  };

  const Scenario& scenario_;
  LiveJudgeOptions options_;
  guard::ClusterTable table_;
  guard::Scorer scorer_;
  verdict::Journal journal_;
  verdict::IncidentTracker tracker_;
  verdict::CapacityTrace capacity_;
  verdict::SpeedEstimate speed_;
  bool has_forgotten_ = false;
  verdict::Provision provision_;
  std::vector<verdict::OutsideProbe> probes_;
  std::vector<JudgedIncident> incidents_;
  Refused refused_;  // The last request, should it have been refused.
  Time judged_{};
  int early_verdicts_ = 0;
  bool is_known_ = false;
  std::unordered_map<std::uint64_t, bool> is_hostile_;  // By client, for ScoreClients only.
};

}  // namespace holdfast::drill
