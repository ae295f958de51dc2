// Report: the run's curves as one self-contained HTML page (inline SVG, no scripts, no outside
// links): loss and held-out loss, learning rate, expert load, and the ledger. Pure functions;
// thread-safe.
#pragma once

#include <string>
#include <vector>

#include "json/json.h"

namespace holdfast::trainer {

// One curve: points in order of x.
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

// An SVG line chart with axes, ticks and a legend. Numbers that are not finite are left out.
std::string DrawChart(const ChartOptions& options, const std::vector<Curve>& curves);

// `history` as ReadHistory gives it, `ledger` as LedgerReport; `experts` of one MoE block.
std::string MakeReport(const std::string& name, const std::vector<json::Object>& history,
                       const json::Object& ledger, std::int64_t experts);

}  // namespace holdfast::trainer
