// holdfast drill generate and holdfast drill score: labelled incidents, and how good verdicts on
// them are.
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/log.h"
#include "drill/incident_folder.h"
#include "drill/score.h"
#include "drill/traces.h"
#include "holdfast/drill_verbs.h"
#include "holdfast/service_options.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kSeedsMax = 100'000;

struct SeedRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

// "A..B", or "A" for one seed.
Result<SeedRange> ParseSeeds(const std::string& text) {
  SeedRange range;
  int used = 0;
  const auto length = static_cast<int>(text.size());
  if (std::sscanf(text.c_str(), "%" SCNu64 "..%" SCNu64 "%n", &range.first, &range.last, &used) !=
          2 ||
      used != length) {
    used = 0;
    if (std::sscanf(text.c_str(), "%" SCNu64 "%n", &range.first, &used) != 1 || used != length) {
      return Fail(ErrorCode::kInvalidArgument, "--seeds {}: expected A..B or A", text);
    }
    range.last = range.first;
  }
  if (range.last < range.first || range.last - range.first >= kSeedsMax) {
    return Fail(ErrorCode::kInvalidArgument, "--seeds {}: expected 1 to {} seeds, rising", text,
                kSeedsMax);
  }
  return range;
}

Result<drill::IncidentTraffic> ReadTraffic(const std::string& trace) {
  drill::IncidentTraffic traffic;
  if (trace.empty()) return traffic;
  TRY_ASSIGN(traffic.trace, drill::ReadTrace(trace));
  if (traffic.trace->size() < 2) {
    return Fail(ErrorCode::kInvalidArgument, "{}: a trace needs at least two requests", trace);
  }
  return traffic;
}

Result<void> WriteText(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file.good()) return Fail(ErrnoError(path));
  return {};
}

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
  TRY(drill::WriteIncident(*incident, options.out));
  fmt::print("{}: {}, {:.0f} requests lost\n", options.out,
             drill::IncidentClassWord(incident->incident_class), incident->lost);
  return {};
}

struct ScoreOptions {
  std::string seeds;
  std::string trace;
  std::string html;
  std::string cases;
  bool as_json = false;
  int threads = 0;
};

Result<void> ScoreSeeds(const ScoreOptions& options) {
  TRY_ASSIGN(const SeedRange range, ParseSeeds(options.seeds));
  TRY_ASSIGN(const drill::IncidentTraffic traffic, ReadTraffic(options.trace));
  std::string lines;
  int not_made = 0;
  const auto cases = drill::JudgeSeeds(range.first, range.last, traffic, options.threads, not_made,
                                       [&](const drill::JudgedCase& judged) {
                                         lines += json::Write(drill::CaseToJson(judged)) + "\n";
                                       });
  const drill::Score score = drill::ScoreCases(cases, not_made);
  if (!options.cases.empty()) TRY(WriteText(options.cases, lines));
  if (!options.html.empty()) TRY(WriteText(options.html, drill::ScoreToHtml(score)));
  fmt::print("{}\n",
             options.as_json ? json::Write(drill::ScoreToJson(score)) : drill::ScoreToText(score));
  return {};
}

void Report(const Result<void>& result, int& exit_code) {
  if (result) return;
  log::error("drill: {}", result.error().message);
  exit_code = kExitFailure;
}

}  // namespace

void AddDrillGenerate(CLI::App& drill, int& exit_code) {
  const auto options = std::make_shared<GenerateOptions>();
  CLI::App* verb = drill.add_subcommand("generate", "Make one labelled incident");
  verb->add_option("--seed", options->seed, "Which incident")->required();
  verb->add_option("--out", options->out, "Folder to write to")->required();
  verb->add_option("--trace", options->trace, "CSV of real traffic to build on")
      ->check(CLI::ExistingFile);
  verb->callback([options, &exit_code] { Report(Generate(*options), exit_code); });
}

void AddDrillScore(CLI::App& drill, int& exit_code) {
  const auto options = std::make_shared<ScoreOptions>();
  CLI::App* verb = drill.add_subcommand("score", "How good verdicts on labelled incidents are");
  verb->add_option("--seeds", options->seeds, "A..B: which incidents")->required();
  verb->add_option("--trace", options->trace, "CSV of real traffic to build on")
      ->check(CLI::ExistingFile);
  verb->add_flag("--json", options->as_json, "Print JSON");
  verb->add_option("--html", options->html, "Write the reliability curve to this page");
  verb->add_option("--cases", options->cases,
                   "Write each incident's result to this file, JSON Lines");
  verb->add_option("--threads", options->threads, "Worker threads; 0: one per CPU")
      ->check(CLI::Range(0, 256));
  verb->callback([options, &exit_code] { Report(ScoreSeeds(*options), exit_code); });
}

}  // namespace holdfast
