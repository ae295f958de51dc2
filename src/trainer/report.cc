#include "trainer/report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>

#include <fmt/format.h>

namespace holdfast::trainer {
namespace {

// Of the drawing, in SVG units; the page scales it.
constexpr double kWidth = 860, kHeight = 300, kLeft = 64, kRight = 16, kTop = 34, kBottom = 44;
constexpr double kLegendRow = 18, kLetterWidth = 6.4;
constexpr std::size_t kPointsMax = 600;  // A curve has no more: neighbours are averaged.
constexpr std::array<std::string_view, 8> kColours = {"#2563eb", "#d97706", "#059669", "#dc2626",
                                                      "#7c3aed", "#0891b2", "#be185d", "#65a30d"};

constexpr std::string_view kStyle = R"(<style>
:root{color-scheme:light dark;--ink:#1c2430;--soft:#667085;--line:#d9dee7;--paper:#fbfbfa}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#98a2b3;--line:#344054;--paper:#12151b}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0 0 .2rem}h2{font-size:1.1rem;margin:2rem 0 .4rem}
svg{width:100%;height:auto}svg text{fill:var(--soft);font:12px system-ui,sans-serif}
svg .title{fill:var(--ink);font-size:14px;font-weight:600}svg .grid{stroke:var(--line)}
svg .curve{fill:none;stroke-width:1.6;stroke-linejoin:round}
table{border-collapse:collapse}td,th{padding:.15rem 1rem .15rem 0;text-align:left;font-variant-numeric:tabular-nums}
th{font-weight:500;color:var(--soft)}.load td{padding:0;width:1.5rem;height:1.1rem}
.load th{padding:0 .6rem 0 0}
</style>)";

std::string Escape(std::string_view text) {
  std::string safe;
  for (const char ch : text) {
    switch (ch) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += ch;
    }
  }
  return safe;
}

struct Range {
  double min = 0;
  double max = 1;
};

Range RangeOf(const std::vector<Curve>& curves, bool of_x, bool starts_at_zero) {
  Range range{.min = INFINITY, .max = -INFINITY};
  for (const Curve& curve : curves) {
    for (const double value : of_x ? curve.x : curve.y) {
      if (!std::isfinite(value)) continue;
      range.min = std::min(range.min, value);
      range.max = std::max(range.max, value);
    }
  }
  if (range.min > range.max) return {};
  if (starts_at_zero) range.min = std::min(range.min, 0.0);
  if (range.max - range.min < 1e-12) range.max = range.min + 1;
  return range;
}

// 1, 2 or 5 times a power of ten, so that about `count` steps cover the range.
double TickStep(const Range& range, double count) {
  const double raw = (range.max - range.min) / count;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw) return factor * power;
  }
  return 10 * power;
}

double Project(double value, const Range& range, double from, double to) {
  return from + (value - range.min) / (range.max - range.min) * (to - from);
}

std::string DrawAxes(const ChartOptions& options, const Range& x, const Range& y) {
  std::string svg = fmt::format("<text class=\"title\" x=\"{}\" y=\"18\">{}</text>", kLeft,
                                Escape(options.title));
  const double y_step = TickStep(y, 5), x_step = TickStep(x, 8);
  for (double tick = std::ceil(y.min / y_step) * y_step; tick <= y.max + 1e-9; tick += y_step) {
    const double at = Project(tick, y, kHeight - kBottom, kTop);
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>"
        "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.4g}</text>",
        kLeft, kWidth - kRight, at, kLeft - 8, at + 4, std::abs(tick) < y_step / 2 ? 0.0 : tick);
  }
  for (double tick = std::ceil(x.min / x_step) * x_step; tick <= x.max + 1e-9; tick += x_step) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.6g}</text>",
                       Project(tick, x, kLeft, kWidth - kRight), kHeight - kBottom + 18, tick);
  }
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", kWidth - kRight,
                     kHeight - 6, Escape(options.x_label));
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", kWidth - kRight, 18.0,
                     Escape(options.y_label));
  return svg;
}

std::string DrawCurve(const Curve& curve, std::string_view colour, const Range& x, const Range& y) {
  const std::size_t group = (curve.x.size() + kPointsMax - 1) / kPointsMax;
  std::string points;
  for (std::size_t at = 0; at < curve.x.size(); at += group) {
    double x_sum = 0, y_sum = 0;
    int count = 0;
    for (std::size_t i = at; i < std::min(at + group, curve.x.size()); ++i) {
      if (!std::isfinite(curve.x[i]) || !std::isfinite(curve.y[i])) continue;
      x_sum += curve.x[i];
      y_sum += curve.y[i];
      ++count;
    }
    if (count == 0) continue;
    points += fmt::format("{:.1f},{:.1f} ", Project(x_sum / count, x, kLeft, kWidth - kRight),
                          Project(y_sum / count, y, kHeight - kBottom, kTop));
  }
  return fmt::format("<polyline class=\"curve\" stroke=\"{}\" points=\"{}\"/>", colour, points);
}

double NumberOf(const json::Object& object, std::string_view key) {
  const json::Value* value = json::Find(object, key);
  return value != nullptr && value->is_number() ? value->to_number<double>() : NAN;
}

Curve CurveOf(const std::vector<json::Object>& history, std::string_view key, std::string name) {
  Curve curve{.name = std::move(name), .x = {}, .y = {}};
  for (const json::Object& line : history) {
    const double value = NumberOf(line, key);
    if (!std::isfinite(value)) continue;
    curve.x.push_back(NumberOf(line, "tokens") * 1e-6);
    curve.y.push_back(value);
  }
  return curve;
}

// Held-out curves by the name of their set, of one measure.
std::vector<Curve> HeldoutCurves(const std::vector<json::Object>& history, std::string_view key) {
  std::map<std::string, Curve> curves;
  for (const json::Object& line : history) {
    const json::Value* sets = json::Find(line, "heldout");
    if (sets == nullptr || !sets->is_object()) continue;
    for (const auto& set : sets->get_object()) {
      if (!set.value().is_object()) continue;
      const double value = NumberOf(set.value().get_object(), key);
      if (!std::isfinite(value)) continue;
      Curve& curve = curves[std::string(set.key())];
      curve.name = set.key();
      curve.x.push_back(NumberOf(line, "tokens") * 1e-6);
      curve.y.push_back(value);
    }
  }
  std::vector<Curve> list;
  for (auto& [name, curve] : curves) list.push_back(std::move(curve));
  return list;
}

// The last recorded step's choices: a row a MoE block, a cell an expert, darker for busier.
std::string DrawExpertTable(const std::vector<json::Object>& history, std::int64_t experts) {
  const json::Array* counts = nullptr;
  for (const json::Object& line : history) {
    const json::Value* value = json::Find(line, "expert_count");
    if (value != nullptr && value->is_array() && !value->get_array().empty()) {
      counts = &value->get_array();
    }
  }
  if (counts == nullptr || experts <= 0) return {};
  std::string html = "<table class=\"load\">";
  const std::size_t width = static_cast<std::size_t>(experts);
  for (std::size_t at = 0; at + width <= counts->size(); at += width) {
    double sum = 0;
    for (std::size_t e = 0; e < width; ++e) sum += (*counts)[at + e].to_number<double>();
    if (sum == 0) continue;
    html += fmt::format("<tr><th>MoE block {}</th>", at / width);
    for (std::size_t e = 0; e < width; ++e) {
      const double load =
          (*counts)[at + e].to_number<double>() * static_cast<double>(experts) / sum;
      html += fmt::format(
          "<td style=\"background:rgba(37,99,235,{:.2f})\" title=\"expert {}: {:.2f}"
          " of the mean\"></td>",
          std::clamp(load / 2, 0.03, 1.0), e, load);
    }
    html += "</tr>";
  }
  return html + "</table>";
}

std::string DrawLedger(const json::Object& ledger) {
  std::string html = "<table>";
  for (const auto& entry : ledger) {
    std::string text;
    if (entry.value().is_string()) {
      text = Escape(std::string_view(entry.value().get_string()));
    } else if (entry.value().is_int64() || entry.value().is_uint64()) {
      text = fmt::format("{}", entry.value().to_number<std::int64_t>());
    } else if (entry.value().is_number()) {
      text = fmt::format("{:.6g}", entry.value().to_number<double>());
    } else {
      continue;
    }
    std::string name(entry.key());
    std::ranges::replace(name, '_', ' ');
    html += fmt::format("<tr><th>{}</th><td>{}</td></tr>", Escape(name), text);
  }
  return html + "</table>";
}

}  // namespace

std::string DrawChart(const ChartOptions& options, const std::vector<Curve>& curves) {
  const Range x = RangeOf(curves, true, true);
  const Range y = RangeOf(curves, false, options.starts_at_zero);
  std::string svg = DrawAxes(options, x, y);
  // The legend takes as many rows below the chart as its names need.
  double legend_x = kLeft, legend_y = kHeight + kLegendRow;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const std::string_view colour = kColours[i % kColours.size()];
    svg += DrawCurve(curves[i], colour, x, y);
    if (curves.size() == 1) continue;
    const double width = 26 + kLetterWidth * static_cast<double>(curves[i].name.size());
    if (legend_x > kLeft && legend_x + width > kWidth) {
      legend_x = kLeft;
      legend_y += kLegendRow;
    }
    svg += fmt::format(
        "<rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"10\" height=\"3\" fill=\"{}\"/>"
        "<text x=\"{:.0f}\" y=\"{:.0f}\">{}</text>",
        legend_x, legend_y - 6, colour, legend_x + 14, legend_y, Escape(curves[i].name));
    legend_x += width;
  }
  const double height = curves.size() > 1 ? legend_y + 6 : kHeight;
  return fmt::format("<svg viewBox=\"0 0 {} {:.0f}\" role=\"img\" aria-label=\"{}\">{}</svg>",
                     kWidth, height, Escape(options.title), svg);
}

std::string MakeReport(const std::string& name, const std::vector<json::Object>& history,
                       const json::Object& ledger, std::int64_t experts) {
  std::string html = fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>Training run {0}</title>{1}</head>"
      "<body><h1>Training run {0}</h1>",
      Escape(name), kStyle);
  const std::string tokens = "million tokens";
  html += "<h2>Loss</h2>";
  std::vector<Curve> losses = {CurveOf(history, "loss", "training")};
  if (Curve mtp = CurveOf(history, "mtp_loss", "MTP"); !mtp.x.empty()) losses.push_back(mtp);
  html += DrawChart({.title = "Loss", .x_label = tokens, .y_label = "nats a token"}, losses);
  if (const auto held = HeldoutCurves(history, "bits_per_byte"); !held.empty()) {
    html +=
        DrawChart({.title = "Held-out loss", .x_label = tokens, .y_label = "bits a byte"}, held);
  }
  html += "<h2>Learning rate and gradient</h2>";
  html += DrawChart(
      {.title = "Learning rate", .x_label = tokens, .y_label = "", .starts_at_zero = true},
      {CurveOf(history, "learning_rate", "learning rate")});
  html += DrawChart({.title = "Gradient norm, before clipping",
                     .x_label = tokens,
                     .y_label = "",
                     .starts_at_zero = true},
                    {CurveOf(history, "gradient_norm", "norm")});
  if (experts > 0) {
    html += "<h2>Expert load</h2>";
    html += DrawChart({.title = "Busiest expert over the mean, worst block",
                       .x_label = tokens,
                       .y_label = "1 is even",
                       .starts_at_zero = true},
                      {CurveOf(history, "expert_load_max", "load")});
    html += DrawExpertTable(history, experts);
  }
  html += "<h2>Ledger</h2>" + DrawLedger(ledger) + "</body></html>\n";
  return html;
}

}  // namespace holdfast::trainer
