#include "charts/chart.h"

#include <cmath>

#include <gtest/gtest.h>

namespace holdfast::charts {
namespace {

std::size_t Count(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(Chart, DrawsEveryCurveInsideTheChartAndSkipsWhatIsNoNumber) {
  const std::vector<Curve> curves = {{"a<b", {0, 1, 2, 3}, {5, NAN, 3, 2}}, {"c", {0, 3}, {1, 1}}};
  const std::string svg = DrawChart({.title = "T & t", .x_label = "x", .y_label = "y"}, curves);
  EXPECT_EQ(Count(svg, "<polyline"), 2u);
  EXPECT_EQ(Count(svg, "nan"), 0u);
  EXPECT_NE(svg.find("a&lt;b"), std::string::npos);
  EXPECT_NE(svg.find("T &amp; t"), std::string::npos);
  EXPECT_EQ(Count(DrawChart({.title = "", .x_label = "", .y_label = ""}, {}), "<polyline"), 0u);
}

}  // namespace
}  // namespace holdfast::charts
