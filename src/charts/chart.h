// Charts for reports: self-contained SVG, and the frame of an HTML page without scripts or outside
// links. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::charts {

// One curve: points in order of x. Numbers that are not finite are left out.
struct Curve {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;
};

struct ChartOptions {
  std::string title;
  std::string x_label;
  std::string y_label;
  bool starts_at_zero = false;  // Else the axis starts near the smallest value.
};

// An SVG line chart with axes, ticks and a legend.
std::string DrawChart(const ChartOptions& options, const std::vector<Curve>& curves);

std::string EscapeHtml(std::string_view text);

// A whole page in light and dark: `title` as its heading, `body` as HTML that is already safe.
std::string MakePage(std::string_view title, std::string_view body);

}  // namespace holdfast::charts
