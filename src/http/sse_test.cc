#include "http/sse.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(SseSplitter, GivesWholeEventsHoweverTheyArrive) {
  const std::string stream = ": keep-alive\n\ndata: {\"a\":1}\r\n\r\ndata: b\ndata:c\n\ndata: [DO";
  for (std::size_t step = 1; step < 8; ++step) {
    SseSplitter splitter;
    std::vector<std::string> data;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      ASSERT_TRUE(splitter.Push(std::string_view(stream).substr(at, step)));
      for (std::string event = splitter.Take(); !event.empty(); event = splitter.Take()) {
        data.push_back(SseSplitter::Data(event));
      }
    }
    EXPECT_EQ(data, (std::vector<std::string>{"", "{\"a\":1}", "b\nc"})) << step;
    EXPECT_TRUE(splitter.has_rest());
  }
}

TEST(SseSplitter, RefusesAnEventOverTheLimit) {
  SseSplitter splitter(/*event_bytes_max=*/16);
  EXPECT_TRUE(splitter.Push("data: 0123456789"));
  const Result<void> pushed = splitter.Push("a");
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace holdfast::http
