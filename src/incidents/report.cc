#include "incidents/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "charts/chart.h"
#include "incidents/internal/fields.h"
#include "incidents/internal/report_parts.h"

namespace holdfast::incidents {
namespace {

std::string WriteMarkdown(const ReportParts& parts) {
  std::string text = fmt::format("# {}\n\n{}\n", parts.title, fmt::join(parts.sentences, "\n"));
  for (const Table& table : parts.tables) {
    text += fmt::format("\n## {}\n\n| {} |\n|", table.title, fmt::join(table.head, " | "));
    for (std::size_t i = 0; i < table.head.size(); ++i) text += "---|";
    text += '\n';
    for (const auto& row : table.rows) text += fmt::format("| {} |\n", fmt::join(row, " | "));
  }
  if (!parts.notes.empty()) text += fmt::format("\n{}\n", fmt::join(parts.notes, "\n"));
  return text;
}

std::string Charts(const Timeline& timeline, guard::Time onset) {
  charts::Curve honest{.name = "honest", .x = {}, .y = {}};
  charts::Curve hostile{.name = "held hostile", .x = {}, .y = {}};
  charts::Curve lost{.name = "honest, lost", .x = {}, .y = {}};
  charts::Curve engine{.name = "engine speed, % of nominal", .x = {}, .y = {}};
  for (const TimelineStep& step : timeline.steps) {
    const double minutes = guard::ToSeconds(step.time - onset) / 60;
    for (charts::Curve* curve : {&honest, &hostile, &lost, &engine}) curve->x.push_back(minutes);
    honest.y.push_back(step.honest);
    hostile.y.push_back(step.hostile);
    lost.y.push_back(step.honest_lost);
    engine.y.push_back(100 * step.engine_share);
  }
  constexpr const char* kMinutes = "minutes since the onset";
  return charts::DrawChart({.title = "Attempts",
                            .x_label = kMinutes,
                            .y_label = "a second",
                            .starts_at_zero = true},
                           {honest, hostile, lost}) +
         charts::DrawChart(
             {.title = "Capacity", .x_label = kMinutes, .y_label = "%", .starts_at_zero = true},
             {engine});
}

std::string WriteHtml(const ReportParts& parts, const Timeline& timeline, guard::Time onset) {
  std::string body;
  for (const std::string& sentence : parts.sentences) {
    body += fmt::format("<p>{}</p>\n", charts::EscapeHtml(sentence));
  }
  if (!timeline.steps.empty()) body += Charts(timeline, onset);
  for (const Table& table : parts.tables) {
    body += fmt::format("<h2>{}</h2>\n<table><tr>", charts::EscapeHtml(table.title));
    for (const std::string& cell : table.head) {
      body += fmt::format("<th>{}</th>", charts::EscapeHtml(cell));
    }
    body += "</tr>\n";
    for (const auto& row : table.rows) {
      body += "<tr>";
      for (const std::string& cell : row) {
        body += fmt::format("<td>{}</td>", charts::EscapeHtml(cell));
      }
      body += "</tr>\n";
    }
    body += "</table>\n";
  }
  for (const std::string& note : parts.notes) {
    body += fmt::format("<p>{}</p>\n", charts::EscapeHtml(note));
  }
  return charts::MakePage(parts.title, body);
}

std::string WriteJson(const Bundle& bundle, const verdict::Verdict& verdict,
                      const Timeline& timeline, const ReportParts& parts) {
  json::Object report;
  report["title"] = parts.title;
  report["verdict"] = ClaimsOf(verdict, bundle.zero_unix_s);
  report["zero_unix_s"] = bundle.zero_unix_s;
  json::Array steps;
  for (const TimelineStep& step : timeline.steps) {
    json::Object object;
    object["time_us"] = step.time.time_since_epoch().count();
    object["honest_per_s"] = ExactNumber(step.honest);
    object["hostile_per_s"] = ExactNumber(step.hostile);
    object["honest_lost_per_s"] = ExactNumber(step.honest_lost);
    object["engine_share"] = ExactNumber(step.engine_share);
    steps.push_back(std::move(object));
  }
  report["timeline"] = std::move(steps);
  json::Object refusals;
  for (int r = 0; r < guard::kRefusalCount; ++r) {
    const RefusalCount& count = timeline.refusals[static_cast<std::size_t>(r)];
    if (count.honest + count.hostile == 0) continue;
    json::Object object;
    object["honest"] = ExactNumber(count.honest);
    object["hostile"] = ExactNumber(count.hostile);
    refusals[guard::RefusalWord(static_cast<guard::Refusal>(r))] = std::move(object);
  }
  report["refusals"] = std::move(refusals);
  return json::Write(report) + "\n";
}

}  // namespace

std::string WriteReport(const Bundle& bundle, const verdict::Verdict& verdict,
                        ReportFormat format) {
  const Timeline timeline = MakeTimeline(bundle.input, JudgementOf(bundle.depth));
  const ReportParts parts = MakeReportParts(bundle, verdict, timeline);
  switch (format) {
    case ReportFormat::kJson:
      return WriteJson(bundle, verdict, timeline, parts);
    case ReportFormat::kMarkdown:
      return WriteMarkdown(parts);
    case ReportFormat::kHtml:
      break;
  }
  return WriteHtml(parts, timeline, verdict.onset);
}

}  // namespace holdfast::incidents
