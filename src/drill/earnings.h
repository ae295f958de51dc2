// Earnings: what each detector earns. The likeness is fitted again without it, and both fits judge
// incidents of other seeds. What falls for want of the detector is what it earns: the Brier score,
// honest clients that are accused, and hostile ones of some kind that are not. A detector that
// nothing falls without does not stay. Value types; pure but for the threads it runs on.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "drill/calibrate.h"
#include "drill/caller_kind.h"
#include "guard/evidence/detectors.h"
#include "json/json.h"

namespace holdfast::drill {

// Without the detector less with it. The error is the standard error over seeds: the incidents of
// one seed resemble each other, in whichever world; 0 where only one seed has such clients.
struct Change {
  double mean = 0;
  double error = 0;
  int seeds = 0;

  // More than two standard errors from nothing.
  bool IsRise() const { return seeds > 1 && mean > 2 * error; }
  bool IsFall() const { return seeds > 1 && mean < -2 * error; }
};

struct Earning {
  guard::Detector detector = guard::Detector::kNewcomers;
  Change brier;
  Change crowd_accused;   // The share of visitors of crowds held more likely hostile than not,
  Change honest_accused;  // and of all honest clients.
  std::array<Change, kCallerKindCount> accused{};  // The share of each kind.

  // Whether anything is clearly worse without it: the Brier score, the share accused of the honest
  // or the crowd, or, by a hundredth at least, the share of a hostile kind that is found.
  bool IsEarned() const;
};

// Fitted to `rows` and judged on `others`, for each detector; on `threads` threads.
std::vector<Earning> MeasureEarnings(const std::vector<CalibrationRow>& rows,
                                     const std::vector<CalibrationRow>& others, double l2,
                                     int threads);

// What `less` loses against `whole` on these rows.
Earning Compare(const std::vector<CalibrationRow>& rows, const guard::Calibration& whole,
                const guard::Calibration& less);

std::string EarningsToText(const std::vector<Earning>& earnings);
json::Array EarningsToJson(const std::vector<Earning>& earnings);

}  // namespace holdfast::drill
