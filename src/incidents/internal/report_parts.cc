#include "incidents/internal/report_parts.h"

#include <algorithm>

#include <fmt/format.h>

#include "incidents/sentences.h"

namespace holdfast::incidents {
namespace {

using verdict::Verdict;

std::string CauseName(int cause) {
  std::string name(verdict::CauseWord(static_cast<verdict::Cause>(cause)));
  std::ranges::replace(name, '_', ' ');
  return name;
}

Table SharesTable(const Verdict& verdict) {
  Table table{.title = "Shares of the loss",
              .head = {"cause", "of lost requests", "of lost tokens"},
              .rows = {}};
  for (int c = 0; c < verdict::kCauseCount; ++c) {
    const auto cause = static_cast<std::size_t>(c);
    table.rows.push_back(
        {CauseName(c), PercentOf(verdict.shares[cause]), PercentOf(verdict.token_shares[cause])});
  }
  return table;
}

Table WorldsTable(const Verdict& verdict) {
  Table table{.title = "Honest requests lost in replays with",
              .head = {"attack", "demand", "lost capacity", "lost"},
              .rows = {}};
  for (int world = 0; world < verdict::kWorldCount; ++world) {
    std::vector<std::string> row;
    for (int c = 0; c < verdict::kCauseCount; ++c)
      row.push_back((world >> c & 1) != 0 ? "yes" : "-");
    row.push_back(Grouped(verdict.world_losses[static_cast<std::size_t>(world)]));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table EvidenceTable(const Verdict& verdict) {
  Table table{.title = "Evidence for hostility, by detector",
              .head = {"detector", "what it sees", "hostile clients", "mean nats"},
              .rows = {}};
  for (int d = 0; d < guard::kDetectorCount; ++d) {
    const auto detector = static_cast<guard::Detector>(d);
    const verdict::DetectorSummary& summary = verdict.detectors[static_cast<std::size_t>(d)];
    if (summary.clients < 0.5) continue;
    table.rows.push_back({std::string(guard::DetectorWord(detector)),
                          std::string(DetectorPhrase(detector)), Grouped(summary.clients),
                          fmt::format("{:.1f}", summary.llr)});
  }
  return table;
}

Table RefusalsTable(const Timeline& timeline) {
  Table table{.title = "Refusals, by reason (attempts, expected)",
              .head = {"reason", "of honest clients", "of hostile clients"},
              .rows = {}};
  for (int r = 0; r < guard::kRefusalCount; ++r) {
    const RefusalCount& count = timeline.refusals[static_cast<std::size_t>(r)];
    if (count.honest + count.hostile < 0.5) continue;
    table.rows.push_back({std::string(guard::RefusalWord(static_cast<guard::Refusal>(r))),
                          Grouped(count.honest), Grouped(count.hostile)});
  }
  return table;
}

Table CapacityTable(const Bundle& bundle) {
  Table table{.title = "Capacity",
              .head = {"from", "engine speed", "workers", "batch", "limits"},
              .rows = {}};
  for (const verdict::CapacityStep& step : bundle.input.capacity.steps) {
    if (table.rows.size() == 40) break;
    table.rows.push_back({UtcSecond(step.time, bundle.zero_unix_s), Percent(step.engine_share),
                          fmt::format("{} of {}", step.workers_up, step.workers_total),
                          Percent(step.batch_share), Percent(step.limits_share)});
  }
  return table;
}

std::vector<std::string> Notes(const Verdict& verdict) {
  std::vector<std::string> notes;
  if (verdict.requests == 0) return notes;
  notes.push_back(fmt::format(
      "With all causes present the replay loses {} honest requests where {} were lost ({} apart; "
      "at most 5 % and chance are allowed).",
      Grouped(verdict.lost_replayed), Grouped(verdict.lost_observed), Percent(verdict.fidelity)));
  notes.push_back(fmt::format(
      "Medians and 90 % intervals of {} draws of who is hostile; {} attempts replayed; {} of the "
      "incident counted.",
      verdict.draws, Grouped(static_cast<double>(verdict.attempts)),
      Percent(verdict.counted_share)));
  if (verdict.lost_deviation > 0) {
    notes.push_back(fmt::format(
        "The journal held a weighted sample: the observed loss has a standard error of {}.",
        Grouped(verdict.lost_deviation)));
  }
  return notes;
}

}  // namespace

ReportParts MakeReportParts(const Bundle& bundle, const Verdict& verdict,
                            const Timeline& timeline) {
  const guard::Time end = std::min(bundle.input.end, bundle.input.now);
  ReportParts parts{
      .title = fmt::format("Incident of {}, {} to {}", UtcDate(verdict.onset, bundle.zero_unix_s),
                           UtcMinute(verdict.onset, bundle.zero_unix_s),
                           UtcMinute(end, bundle.zero_unix_s)),
      .sentences = Sentences(verdict, bundle.zero_unix_s),
      .tables = {},
      .notes = Notes(verdict)};
  if (verdict.draws > 0) {
    parts.tables.push_back(SharesTable(verdict));
    parts.tables.push_back(WorldsTable(verdict));
  }
  for (Table& table :
       std::vector<Table>{EvidenceTable(verdict), RefusalsTable(timeline), CapacityTable(bundle)}) {
    if (!table.rows.empty()) parts.tables.push_back(std::move(table));
  }
  return parts;
}

}  // namespace holdfast::incidents
