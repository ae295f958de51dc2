#include "trainer/ledger.h"

#include <fstream>

namespace holdfast::trainer {
namespace {

std::optional<double> ReadNumber(const std::filesystem::path& path) {
  std::ifstream file(path);
  double value = 0;
  if (!(file >> value)) return std::nullopt;
  return value;
}

}  // namespace

EnergyMeter::EnergyMeter(const std::filesystem::path& root) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root, error)) {
    // Whole packages only ("intel-rapl:0"): their sub-domains ("intel-rapl:0:0") are part of them.
    const std::string name = entry.path().filename().string();
    const std::size_t colon = name.find(':');
    if (colon == std::string::npos || name.find(':', colon + 1) != std::string::npos) continue;
    const auto energy = ReadNumber(entry.path() / "energy_uj");
    if (!energy) continue;
    counters_.push_back(
        {.file = entry.path() / "energy_uj",
         .last_microjoules = *energy,
         .range_microjoules = ReadNumber(entry.path() / "max_energy_range_uj").value_or(0)});
  }
}

std::optional<double> EnergyMeter::Take() {
  if (counters_.empty()) return std::nullopt;
  double microjoules = 0;
  for (Counter& counter : counters_) {
    const auto now = ReadNumber(counter.file);
    if (!now) return std::nullopt;
    double used = *now - counter.last_microjoules;
    if (used < 0) used += counter.range_microjoules;
    counter.last_microjoules = *now;
    microjoules += used;
  }
  return microjoules * 1e-6;
}

json::Object Ledger::ToJson() const {
  json::Object object;
  object["tokens"] = tokens;
  object["target_tokens"] = target_tokens;
  object["flops"] = flops;
  object["seconds"] = seconds;
  object["stage_seconds"] = stage_seconds;
  if (has_energy) object["joules"] = joules;
  return object;
}

Result<Ledger> Ledger::FromJson(const json::Object& object) {
  Ledger ledger;
  TRY_ASSIGN(ledger.tokens, json::IntOr(object, "tokens", 0, 0, INT64_MAX));
  TRY_ASSIGN(ledger.target_tokens, json::IntOr(object, "target_tokens", 0, 0, INT64_MAX));
  TRY_ASSIGN(ledger.flops, json::NumberOr(object, "flops", 0));
  TRY_ASSIGN(ledger.seconds, json::NumberOr(object, "seconds", 0));
  TRY_ASSIGN(ledger.stage_seconds, json::NumberOr(object, "stage_seconds", 0));
  ledger.has_energy = object.contains("joules");
  TRY_ASSIGN(ledger.joules, json::NumberOr(object, "joules", 0));
  return ledger;
}

json::Object LedgerReport(const Ledger& ledger, double price_per_hour,
                          const std::string& currency) {
  json::Object report = ledger.ToJson();
  report.erase("stage_seconds");
  const double hours = ledger.seconds / 3600.0;
  report["hours"] = hours;
  if (ledger.seconds > 0) {
    report["tokens_per_second"] = static_cast<double>(ledger.tokens) / ledger.seconds;
    report["flops_per_second"] = ledger.flops / ledger.seconds;
    if (ledger.has_energy) report["watts_mean"] = ledger.joules / ledger.seconds;
  }
  report["price_per_hour"] = price_per_hour;
  report["cost"] = hours * price_per_hour;
  report["currency"] = currency;
  return report;
}

}  // namespace holdfast::trainer
