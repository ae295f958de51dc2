// Calibrate: fits the numbers of guard/evidence/calibration.h to simulated incidents whose hostile
// callers are known, and says how far the probabilities that come of them can be believed. Pure but
// for the threads it runs on; the same seeds give the same numbers whatever their count.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drill/calibration_curve.h"
#include "drill/caller_kind.h"
#include "drill/fit.h"
#include "drill/labelled_incident.h"
#include "guard/evidence/scorer.h"
#include "json/json.h"

namespace holdfast::drill {

// One client at one moment of an incident.
struct CalibrationRow {
  LabelledRow row{};  // The rows of one moment weigh 1 together, so that no flood drowns others.
  CallerKind kind = CallerKind::kRegular;
  std::uint64_t seed = 0;
  std::uint8_t moment = 0;  // kMoments
};

// Seconds after the onset at which clients are looked at; once more when all is over.
inline constexpr std::array<double, 3> kMoments = {10, 30, 60};
inline constexpr std::size_t kRowsPerMomentMax = 1500;  // A sample by hash above that.

// What a seed draws: a crowd, an attack, lost capacity or several in turn, and every eighth seed
// one of the attacks on connections, passwords and sign-ups that cost no tokens.
LabelledIncident DraftForCalibration(std::uint64_t seed, const IncidentTraffic& traffic);
std::vector<CalibrationRow> CollectRows(const LabelledIncident& incident);
// Of seeds [first, last], each over each of the traffics.
std::vector<CalibrationRow> CollectRows(std::uint64_t first, std::uint64_t last,
                                        const std::vector<IncidentTraffic>& traffics, int threads);

struct KindCalibration {
  double clients = 0;           // Rows, at the last moment.
  double mean_probability = 0;  // Of being hostile,
  double accused_share = 0;     // and the share held to be more likely so than not.
};

struct CalibrationReport {
  std::uint64_t first_seed = 0;
  std::uint64_t last_seed = 0;
  std::array<double, kMoments.size() + 1> brier{};  // By moment.
  double brier_mean = 0;
  std::vector<ReliabilityBin> curve;
  double calibration_error = 0;
  std::array<KindCalibration, kCallerKindCount> kinds;
  double crowd_accused_share = 0;  // Of visitors of crowds, at any moment.
};

// How well `calibration` would have judged these rows.
CalibrationReport Evaluate(const std::vector<CalibrationRow>& rows,
                           const guard::Calibration& calibration);

// Fitted to the rows, starting from guard::kCoefficientsBeforeFit, which `l2` holds on to; with the
// families' bounds of guard::kCalibration. `without`: a detector that the fit may not use.
guard::Calibration FitCalibration(const std::vector<CalibrationRow>& rows, double l2,
                                  std::optional<guard::Detector> without = std::nullopt);

// The coefficients in force, that of this detector at 0; nullopt: there is no such detector.
std::optional<guard::Calibration> InForceWithout(std::string_view detector);

// As text to put into calibration.h.
std::string CalibrationToText(const guard::Calibration& calibration);
json::Object CalibrationToJson(const guard::Calibration& calibration);
std::string ReportToText(const CalibrationReport& report);
json::Object ReportToJson(const CalibrationReport& report);

}  // namespace holdfast::drill
