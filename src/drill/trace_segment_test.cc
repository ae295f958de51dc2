#include "drill/trace_segment.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::drill {
namespace {

using std::chrono::seconds;

constexpr SegmentOptions kTenMinutes{.length = seconds(600), .requests_per_s = 5};

Trace Make(std::vector<TracedRequest> requests) {
  return std::make_shared<const std::vector<TracedRequest>>(std::move(requests));
}

// 100 requests in the first second of every minute.
Trace Bursts(int minutes) {
  std::vector<TracedRequest> requests;
  for (int i = 0; i < minutes * 100; ++i) {
    requests.push_back({seconds(i / 100 * 60) + std::chrono::milliseconds(i % 100 * 10),
                        static_cast<std::uint32_t>(100 + i % 7 * 50), 20});
  }
  return Make(std::move(requests));
}

TEST(TraceSegment, FlattensBurstsUntilTheWorstTenSecondsAreBearable) {
  const Trace bursts = Bursts(60);
  const Trace segment = CutSegment(bursts, kTenMinutes);
  ASSERT_EQ(segment->size(), 3000u);
  EXPECT_TRUE(std::ranges::is_sorted(*segment, {}, &TracedRequest::at));
  EXPECT_GE(segment->front().at, Duration(0));
  EXPECT_LE(segment->back().at, kTenMinutes.length);
  EXPECT_LE(PeakOf(*segment, kTenMinutes.length), kTenMinutes.peak_max);
  // No further than that: half of the peak that was allowed over the mean is still there.
  EXPECT_GT(PeakOf(*segment, kTenMinutes.length), 1 + (kTenMinutes.peak_max - 1) / 2);
  for (std::size_t i = 0; i < segment->size(); ++i) {
    EXPECT_EQ((*segment)[i].prompt_tokens, (*bursts)[i].prompt_tokens);
  }
}

TEST(TraceSegment, LeavesAnEvenTraceAsItIs) {
  std::vector<TracedRequest> even;
  for (int i = 0; i < 4000; ++i) even.push_back({std::chrono::milliseconds(i * 100), 100, 10});
  const Trace segment = CutSegment(Make(even), kTenMinutes);
  ASSERT_EQ(segment->size(), 3000u);
  for (std::size_t i = 0; i < segment->size(); ++i) {
    EXPECT_NEAR(guard::ToSeconds((*segment)[i].at), static_cast<double>(i) * 0.2, 1e-3);
  }
}

TEST(TraceSegment, RepeatsAShortTraceDownToASingleRequest) {
  for (const Trace& trace :
       {Make({{seconds(0), 30, 4}}), Make({{seconds(3), 30, 4}, {seconds(3), 7, 1}}), Bursts(1)}) {
    const Trace segment = CutSegment(trace, kTenMinutes);
    ASSERT_EQ(segment->size(), 3000u);
    EXPECT_TRUE(std::ranges::is_sorted(*segment, {}, &TracedRequest::at));
    EXPECT_LE(PeakOf(*segment, kTenMinutes.length), kTenMinutes.peak_max);
    EXPECT_GT(segment->back().at, seconds(590));
  }
}

TEST(TraceSegment, LiesWhereItIsToldInALongerTrace) {
  std::vector<TracedRequest> rising;
  for (std::uint32_t i = 0; i < 10'000; ++i) rising.push_back({seconds(i), i + 1, 10});
  SegmentOptions options = kTenMinutes;
  options.begin = 0.5;
  EXPECT_EQ(CutSegment(Make(rising), options)->front().prompt_tokens, 3501u);
  options.requests_per_s = 0;
  EXPECT_EQ(CutSegment(Make(rising), options), nullptr);
}

}  // namespace
}  // namespace holdfast::drill
