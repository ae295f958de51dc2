#include "metrics/registry.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Registry, ExposesEachKindAsText) {
  Registry registry;
  registry.GetCounter("requests_total", "Requests.", {{"reason", "ok"}}).Add(3);
  Gauge depth = registry.GetGauge("queue_depth", "Depth.");
  depth.Set(7);
  depth.Add(-2);
  Histogram wait = registry.GetHistogram("wait_seconds", "Wait.", {0.5, 1});
  wait.Observe(0.25);
  wait.Observe(0.75);
  wait.Observe(9);
  const std::string text = registry.ExposeText();
  EXPECT_THAT(text, HasSubstr("# HELP requests_total Requests.\n# TYPE requests_total counter\n"
                              "requests_total{reason=\"ok\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("queue_depth 5\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{le=\"0.5\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{le=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_sum 10\n"));
}

TEST(Registry, SameNameAndLabelsAreOneSeries) {
  Registry registry;
  registry.GetCounter("hits_total", "Hits.", {{"a", "1"}, {"b", "2"}}).Add();
  registry.GetCounter("hits_total", "Hits.", {{"b", "2"}, {"a", "1"}}).Add();
  EXPECT_THAT(registry.ExposeText(), HasSubstr("hits_total{a=\"1\",b=\"2\"} 2\n"));
}

TEST(Registry, LabelSetsBeyondTheLimitCountAsOther) {
  Registry registry(/*series_max=*/2);
  for (const char* value : {"one", "two", "three", "four", "one"}) {
    registry.GetCounter("hits_total", "Hits.", {{"who", value}}).Add();
  }
  const std::string text = registry.ExposeText();
  EXPECT_THAT(text, HasSubstr("who=\"one\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("who=\"other\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("three")));
}

TEST(Registry, LabelValuesAreEscaped) {
  Registry registry;
  registry.GetCounter("hits_total", "Hits.", {{"who", "a\"b\\c\nd"}}).Add();
  EXPECT_THAT(registry.ExposeText(), HasSubstr("who=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST(Registry, HandlesCountFromManyThreads) {
  Registry registry;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&registry] {
        for (int i = 0; i < 1000; ++i) registry.GetCounter("hits_total", "Hits.").Add();
      });
    }
  }
  EXPECT_THAT(registry.ExposeText(), HasSubstr("hits_total 4000\n"));
}

TEST(Registry, EmptyHandlesRecordNothing) {
  Counter().Add();
  Gauge().Set(1);
  Histogram().Observe(1);
}

TEST(RegistryDeathTest, OneNameHasOneKind) {
  Registry registry;
  registry.GetCounter("hits_total", "Hits.");
  EXPECT_DEATH(registry.GetGauge("hits_total", "Hits."), "exists with another kind");
  EXPECT_DEATH(registry.GetCounter("bad name", ""), "bad metric name");
}

TEST(Registry, BoundsRise) {
  EXPECT_EQ(ExponentialBounds(1, 10, 3), (std::vector<double>{1, 10, 100}));
  EXPECT_NEAR(LatencyBounds().back(), 131.072, 1e-9);
}

}  // namespace
}  // namespace holdfast::metrics
