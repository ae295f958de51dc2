// Ledger: what a run has cost so far — tokens, arithmetic, hours, energy where the machine tells
// it, money at a given price — summed over all sessions of the run, and kept in its checkpoints.
// EnergyMeter reads the package counters of Linux's powercap. Single-threaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace holdfast::trainer {

class EnergyMeter {
 public:
  explicit EnergyMeter(const std::filesystem::path& root = "/sys/class/powercap");
  // Joules since the last call (or the start); nullopt where no counter is readable.
  std::optional<double> Take();

 private:
  struct Counter {
    std::filesystem::path file;
    double last_microjoules = 0;
    double range_microjoules = 0;  // Where the counter wraps.
  };
  std::vector<Counter> counters_;
};

struct Ledger {
  std::int64_t tokens = 0;         // Through the model, padding included.
  std::int64_t target_tokens = 0;  // That counted in the loss.
  double flops = 0;                // By the formula of ParameterLayout::FlopsPerToken.
  double seconds = 0;              // Wall time of train steps, evaluation and checkpoints.
  double stage_seconds = 0;        // Of the current stage.
  double joules = 0;
  bool has_energy = false;

  json::Object ToJson() const;
  [[nodiscard]] static Result<Ledger> FromJson(const json::Object& object);
};

// The ledger with what follows from it: hours, mean watts, cost, mean tokens/s and FLOP/s.
json::Object LedgerReport(const Ledger& ledger, double price_per_hour, const std::string& currency);

}  // namespace holdfast::trainer
