// What the verbs of `holdfast drill` have in common: seeds, traces, how they fail.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "drill/labelled_incident.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11 names itself so.
class App;
}

namespace holdfast {

struct SeedRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // Included.
  std::uint64_t count() const { return last - first + 1; }
};

// "A..B", or "A" for one seed. `option` is named where it is neither.
Result<SeedRange> ParseSeeds(const std::string& option, const std::string& text);

// --trace, with its formats in the verb's help.
void AddTraceOption(CLI::App& verb, std::string& path);
// The same, as often as there are traces.
void AddTraceOption(CLI::App& verb, std::vector<std::string>& paths);
Result<drill::IncidentTraffic> ReadTraffic(const std::string& trace);

// Logs an error and sets the exit code.
void ReportDrill(const Result<void>& result, int& exit_code);

}  // namespace holdfast
