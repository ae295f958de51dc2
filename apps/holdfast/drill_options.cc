#include "holdfast/drill_options.h"

#include <cinttypes>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "drill/traces.h"
#include "holdfast/service_options.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kSeedsMax = 100'000;

void ExplainTraces(CLI::App& verb) {
  verb.footer(verb.get_footer() +
              "\nTraces (docs/formats/trace.md):\n"
              "  a CSV of time,input_tokens,output_tokens or of time,count, in the spellings of\n"
              "  Azure and others, or a folder of ServeGen. Times are seconds or dates.\n");
}

}  // namespace

Result<SeedRange> ParseSeeds(const std::string& option, const std::string& text) {
  SeedRange range;
  int used = 0;
  const auto length = static_cast<int>(text.size());
  if (std::sscanf(text.c_str(), "%" SCNu64 "..%" SCNu64 "%n", &range.first, &range.last, &used) !=
          2 ||
      used != length) {
    used = 0;
    if (std::sscanf(text.c_str(), "%" SCNu64 "%n", &range.first, &used) != 1 || used != length) {
      return Fail(ErrorCode::kInvalidArgument, "{} {}: expected A..B or A", option, text);
    }
    range.last = range.first;
  }
  if (range.last < range.first || range.last - range.first >= kSeedsMax) {
    return Fail(ErrorCode::kInvalidArgument, "{} {}: expected 1 to {} seeds, rising", option, text,
                kSeedsMax);
  }
  return range;
}

void AddTraceOption(CLI::App& verb, std::string& path) {
  verb.add_option("--trace", path, "Real traffic to build on")->check(CLI::ExistingPath);
  ExplainTraces(verb);
}

void AddTraceOption(CLI::App& verb, std::vector<std::string>& paths) {
  verb.add_option("--trace", paths, "Real traffic to build on, beside none; may be given again")
      ->check(CLI::ExistingPath);
  ExplainTraces(verb);
}

Result<drill::IncidentTraffic> ReadTraffic(const std::string& trace) {
  drill::IncidentTraffic traffic;
  if (!trace.empty()) {
    TRY_ASSIGN(traffic.trace, drill::ReadTrace(trace));
  }
  return traffic;
}

void ReportDrill(const Result<void>& result, int& exit_code) {
  if (result) return;
  log::error("drill: {}", result.error().message);
  exit_code = kExitFailure;
}

}  // namespace holdfast
