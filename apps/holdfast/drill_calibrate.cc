// holdfast drill calibrate: fits the coefficients of the guard's evidence to simulated incidents,
// and says on others how far the probabilities that come of them can be believed.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "drill/calibrate.h"
#include "drill/earnings.h"
#include "holdfast/drill_options.h"
#include "holdfast/drill_verbs.h"
#include "json/json.h"
#include "weights/atomic_file.h"

namespace holdfast {
namespace {

struct CalibrateOptions {
  std::string seeds;
  std::string check_seeds;
  std::vector<std::string> traces;
  std::string out;
  bool is_widened = false;
  bool has_earnings = false;
  double l2 = 10;
  bool as_json = false;
  int threads = 0;
};

// As many seeds again, from the next one on.
SeedRange SeedsAfter(const SeedRange& seeds) {
  return {.first = seeds.last + 1, .last = seeds.last + seeds.count()};
}

// People and programs alone, and then each trace.
Result<std::vector<drill::IncidentTraffic>> ReadTraffics(const std::vector<std::string>& traces) {
  std::vector<drill::IncidentTraffic> traffics(1);
  for (const std::string& trace : traces) {
    TRY_ASSIGN(drill::IncidentTraffic traffic, ReadTraffic(trace));
    traffics.push_back(std::move(traffic));
  }
  return traffics;
}

// Each of them with each assumption about the world taken away, too.
std::vector<drill::IncidentTraffic> Widened(const std::vector<drill::IncidentTraffic>& traffics) {
  using drill::Ablation;
  std::vector<drill::IncidentTraffic> all;
  for (const Ablation ablation :
       {Ablation::kNone, Ablation::kNobodyKnown, Ablation::kReadingAttackers, Ablation::kCrowdByApi,
        Ablation::kBrowserPages, Ablation::kFreshInstall}) {
    for (drill::IncidentTraffic traffic : traffics) {
      traffic.ablation = ablation;
      all.push_back(std::move(traffic));
    }
  }
  return all;
}

Result<void> Calibrate(const CalibrateOptions& options) {
  TRY_ASSIGN(const SeedRange seeds, ParseSeeds("--seeds", options.seeds));
  SeedRange check = SeedsAfter(seeds);
  if (!options.check_seeds.empty()) {
    TRY_ASSIGN(check, ParseSeeds("--check-seeds", options.check_seeds));
    if (check.first <= seeds.last && seeds.first <= check.last) {
      return Fail(ErrorCode::kInvalidArgument,
                  "--check-seeds {}: must be other seeds than {}, which are fitted to",
                  options.check_seeds, options.seeds);
    }
  }
  TRY_ASSIGN(std::vector<drill::IncidentTraffic> traffics, ReadTraffics(options.traces));
  if (options.is_widened) traffics = Widened(traffics);
  const std::vector<drill::CalibrationRow> rows =
      drill::CollectRows(seeds.first, seeds.last, traffics, options.threads);
  const guard::Calibration fitted = drill::FitCalibration(rows, options.l2);
  const std::vector<drill::CalibrationRow> others =
      drill::CollectRows(check.first, check.last, traffics, options.threads);
  const drill::CalibrationReport report = drill::Evaluate(others, fitted);
  const drill::CalibrationReport in_force = drill::Evaluate(others, guard::kCalibration);
  const std::string text = drill::CalibrationToText(fitted);
  if (!options.out.empty()) TRY(weights::WriteWholeFile(options.out, text));
  std::vector<drill::Earning> earnings;
  if (options.has_earnings) {
    earnings = drill::MeasureEarnings(rows, others, options.l2, options.threads);
  }
  if (options.as_json) {
    const json::Object object{{"rows", rows.size()},
                              {"l2", options.l2},
                              {"calibration", drill::CalibrationToJson(fitted)},
                              {"report", drill::ReportToJson(report)},
                              {"report_in_force", drill::ReportToJson(in_force)},
                              {"earnings", drill::EarningsToJson(earnings)}};
    fmt::print("{}\n", json::Write(object));
    return {};
  }
  fmt::print(
      "Fitted to {} rows of seeds {}..{}, l2 {}:\n{}\nFitted, on other seeds:\n{}\n"
      "In force (guard/evidence/calibration.h), on the same:\n{}",
      rows.size(), seeds.first, seeds.last, options.l2, text, drill::ReportToText(report),
      drill::ReportToText(in_force));
  if (options.has_earnings) fmt::print("\n{}", drill::EarningsToText(earnings));
  return {};
}

}  // namespace

void AddDrillCalibrate(CLI::App& drill, int& exit_code) {
  const auto options = std::make_shared<CalibrateOptions>();
  CLI::App* verb =
      drill.add_subcommand("calibrate", "Fit the weights of evidence to simulated incidents");
  verb->add_option("--seeds", options->seeds, "A..B: incidents to fit to")->required();
  verb->add_option("--check-seeds", options->check_seeds,
                   "C..D: incidents to report on; left out, as many after B");
  AddTraceOption(*verb, options->traces);
  verb->add_flag("--widened", options->is_widened,
                 "Also in worlds with an assumption taken away (drill score --ablation)");
  verb->add_flag("--earnings", options->has_earnings,
                 "Fit again without each detector, and say what is worse for it");
  verb->add_option("--l2", options->l2, "How firmly the fit holds on to what is believed without")
      ->check(CLI::Range(1e-6, 1e9))
      ->capture_default_str();
  verb->add_flag("--json", options->as_json, "Print JSON");
  verb->add_option("--out", options->out,
                   "Write the coefficients to this file, as calibration.h has them");
  verb->add_option("--threads", options->threads, "Worker threads; 0: one per CPU")
      ->check(CLI::Range(0, 256));
  verb->callback([options, &exit_code] { ReportDrill(Calibrate(*options), exit_code); });
}

}  // namespace holdfast
