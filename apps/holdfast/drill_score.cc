// holdfast drill generate and holdfast drill score: labelled incidents, and how good verdicts on
// them are.
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "drill/calibrate.h"
#include "drill/incident_folder.h"
#include "drill/score.h"
#include "holdfast/drill_options.h"
#include "holdfast/drill_verbs.h"
#include "holdfast/service_options.h"
#include "weights/atomic_file.h"

namespace holdfast {
namespace {

struct GenerateOptions {
  std::uint64_t seed = 0;
  std::string out;
  std::string trace;
};

Result<void> Generate(const GenerateOptions& options) {
  TRY_ASSIGN(const drill::IncidentTraffic traffic, ReadTraffic(options.trace));
  const auto incident = drill::MakeIncident(options.seed, traffic);
  if (!incident) {
    return Fail(ErrorCode::kNotFound, "seed {}: no clear case in {} drafts; take another seed",
                options.seed, drill::kDraftsMax);
  }
  TRY_ASSIGN(const auto label, drill::WriteIncident(*incident, options.out));
  fmt::print("{}: {}, {:.0f} requests lost\n", options.out,
             drill::IncidentClassWord(incident->incident_class), incident->lost);
  if (label) {
    fmt::print("judged: {}; holdfast verdict explain {}/bundle.json says why\n", *label,
               options.out);
  } else {
    fmt::print("not noticed: nothing was judged\n");
  }
  return {};
}

struct ScoreOptions {
  std::string seeds;
  std::string trace;
  std::string html;
  std::string cases;
  std::string ablation = "none";
  std::string without;
  bool as_json = false;
  int threads = 0;
};

// As in force, but for the detector that is named, should one be.
Result<guard::Calibration> ReadCalibration(const std::string& without) {
  if (without.empty()) return guard::kCalibration;
  const auto calibration = drill::InForceWithout(without);
  if (!calibration) {
    return Fail(ErrorCode::kInvalidArgument, "--without: '{}' is no detector", without);
  }
  return *calibration;
}

Result<void> ScoreSeeds(const ScoreOptions& options) {
  TRY_ASSIGN(const SeedRange range, ParseSeeds("--seeds", options.seeds));
  TRY_ASSIGN(drill::IncidentTraffic traffic, ReadTraffic(options.trace));
  const auto ablation = drill::FindAblation(options.ablation);
  if (!ablation) {
    return Fail(ErrorCode::kInvalidArgument, "--ablation: '{}' is none", options.ablation);
  }
  traffic.ablation = *ablation;
  TRY_ASSIGN(const guard::Calibration calibration, ReadCalibration(options.without));
  std::string lines;
  int not_made = 0;
  const auto cases = drill::JudgeSeeds(
      range.first, range.last, traffic, calibration, options.threads, not_made,
      [&](const auto& judged) { lines += json::Write(drill::CaseToJson(judged)) + "\n"; });
  const drill::Score score = drill::ScoreCases(cases, not_made);
  if (!options.cases.empty()) TRY(weights::WriteWholeFile(options.cases, lines));
  if (!options.html.empty()) TRY(weights::WriteWholeFile(options.html, drill::ScoreToHtml(score)));
  fmt::print("{}\n",
             options.as_json ? json::Write(drill::ScoreToJson(score)) : drill::ScoreToText(score));
  return {};
}

}  // namespace

void AddDrillGenerate(CLI::App& drill, int& exit_code) {
  const auto options = std::make_shared<GenerateOptions>();
  CLI::App* verb = drill.add_subcommand("generate", "Make one labelled incident");
  verb->add_option("--seed", options->seed, "Which incident")->required();
  verb->add_option("--out", options->out, "Folder to write to")->required();
  AddTraceOption(*verb, options->trace);
  verb->callback([options, &exit_code] { ReportDrill(Generate(*options), exit_code); });
}

void AddDrillScore(CLI::App& drill, int& exit_code) {
  const auto options = std::make_shared<ScoreOptions>();
  CLI::App* verb = drill.add_subcommand("score", "How good verdicts on labelled incidents are");
  verb->add_option("--seeds", options->seeds, "A..B: which incidents")->required();
  AddTraceOption(*verb, options->trace);
  verb->add_flag("--json", options->as_json, "Print JSON");
  verb->add_option("--html", options->html, "Write the reliability curve to this page");
  verb->add_option("--cases", options->cases,
                   "Write each incident's result to this file, JSON Lines");
  verb->add_option("--ablation", options->ablation,
                   "Take one assumption away: nobody_known, reading_attackers, crowd_by_api, "
                   "browser_pages, fresh_install, onset_untold, capacity_from_tokens, "
                   "other_engine, restart");
  verb->add_option("--without", options->without,
                   "Judge without this detector, e.g. newcomers; the others keep their weight");
  verb->add_option("--threads", options->threads, "Worker threads; 0: one per CPU")
      ->check(CLI::Range(0, 256));
  verb->callback([options, &exit_code] { ReportDrill(ScoreSeeds(*options), exit_code); });
}

}  // namespace holdfast
