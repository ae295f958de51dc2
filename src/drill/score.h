// Score: how good verdicts are, over many labelled incidents: labels, shares, calibration, speed.
// Pure but for the threads it runs on.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "drill/calibration_curve.h"
#include "drill/labelled_incident.h"
#include "drill/live_judge.h"
#include "guard/evidence/calibration.h"
#include "json/json.h"
#include "verdict/verdict.h"

namespace holdfast::drill {

inline constexpr int kReliabilityBins = 10;

// One incident and what was made of it.
struct JudgedCase {
  std::uint64_t seed = 0;
  IncidentClass incident_class = IncidentClass::kCrowd;
  verdict::Label label =
      verdict::Label::kUnknown;  // Of the final verdict; unknown without an incident.
  verdict::WhyUnknown why_unknown = verdict::WhyUnknown::kNoLoss;
  bool was_noticed = false;          // An incident was opened.
  bool ever_claimed_attack = false;  // In any verdict that was published, the first ones too.
  verdict::CauseValues true_shares{};
  verdict::CauseValues shares{};  // Medians, and their intervals.
  verdict::CauseValues shares_low{};
  verdict::CauseValues shares_high{};
  bool has_shares = false;  // Both sides have them: the class has, and the verdict is no unknown.
  double fidelity = 0;
  double lost = 0;
  // From the first second in which honest people lost more than kLossShare to the first verdict
  // that names a cause (in the class unknown: to the first verdict); negative: there was none.
  double first_verdict_s = -1;
  double brier = 0;  // Of the odds of its clients.
  std::vector<ReliabilityBin> reliability;
};
inline constexpr double kLossShare = 0.05;

JudgedCase JudgeIncident(const LabelledIncident& incident,
                         const guard::Calibration& calibration = guard::kCalibration);

struct Score {
  int incidents = 0;
  int not_made = 0;  // Seeds without a clear case in kDraftsMax drafts.
  // [class][label], labels in the order of verdict::Label.
  std::array<std::array<int, verdict::kLabelCount>, kIncidentClassCount> confusion{};
  // None of a class that neither occurred nor was told: it is no part of the mean.
  std::array<std::optional<double>, kIncidentClassCount> f1{};
  double macro_f1 = 0;
  // Points: mean over the three causes of |share - true share|, times 100.
  int share_cases = 0;
  double share_error_mean = 0;
  double share_error_p95 = 0;
  int crowds = 0;
  int crowds_called_attack = 0;  // By any published verdict.
  double first_verdict_median_s = 0;
  double first_verdict_p95_s = 0;
  int without_verdict = 0;
  double brier = 0;                         // Over clients, each incident counting the same.
  std::vector<ReliabilityBin> reliability;  // Over the clients of all incidents,
  double calibration_error = 0;             // and how far it is off, by clients.
};

Score ScoreCases(const std::vector<JudgedCase>& cases, int not_made);

// Makes and judges the incidents of seeds [first, last] on `threads` threads. `on_case` is told of
// each in order of seeds.
std::vector<JudgedCase> JudgeSeeds(std::uint64_t first, std::uint64_t last,
                                   const IncidentTraffic& traffic,
                                   const guard::Calibration& calibration, int threads,
                                   int& not_made,
                                   const std::function<void(const JudgedCase&)>& on_case = {});

json::Object ScoreToJson(const Score& score);
json::Object CaseToJson(const JudgedCase& judged);
// For people, in a terminal.
std::string ScoreToText(const Score& score);
// One page with the reliability curve and the tables.
std::string ScoreToHtml(const Score& score);

}  // namespace holdfast::drill
