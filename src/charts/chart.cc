#include "charts/chart.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace holdfast::charts {
namespace {

// Of the drawing, in SVG units; the page scales it.
constexpr double kWidth = 860, kHeight = 300, kLeft = 64, kRight = 16, kTop = 34, kBottom = 44;
constexpr double kLegendRow = 18, kLetterWidth = 6.4;
constexpr std::size_t kPointsMax = 600;  // A curve has no more: neighbours are averaged.
constexpr std::array<std::string_view, 8> kColours = {"#2563eb", "#d97706", "#059669", "#dc2626",
                                                      "#7c3aed", "#0891b2", "#be185d", "#65a30d"};

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
                                EscapeHtml(options.title));
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
                     kHeight - 6, EscapeHtml(options.x_label));
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", kWidth - kRight, 18.0,
                     EscapeHtml(options.y_label));
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
        legend_x, legend_y - 6, colour, legend_x + 14, legend_y, EscapeHtml(curves[i].name));
    legend_x += width;
  }
  const double height = curves.size() > 1 ? legend_y + 6 : kHeight;
  return fmt::format("<svg viewBox=\"0 0 {} {:.0f}\" role=\"img\" aria-label=\"{}\">{}</svg>",
                     kWidth, height, EscapeHtml(options.title), svg);
}

}  // namespace holdfast::charts
