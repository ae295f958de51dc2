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

TEST(SseSplitter, KeepsEveryByteWhateverEndsTheLines) {
  const std::vector<std::string> events = {
      "data: a\n\n", "data: b\r\n\r\n", "data: c\r\r", "id: 1\r\ndata: d\n\r\n", "\n", ": e\n\n"};
  std::string stream;
  for (const std::string& event : events) stream += event;
  for (std::size_t step = 1; step < 12; ++step) {
    SseSplitter splitter;
    std::vector<std::string> taken;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      ASSERT_TRUE(splitter.Push(std::string_view(stream).substr(at, step)));
      for (std::string event = splitter.Take(); !event.empty(); event = splitter.Take()) {
        taken.push_back(event);
      }
    }
    EXPECT_EQ(taken, events) << step;
    EXPECT_FALSE(splitter.has_rest()) << step;
  }
}

TEST(SseSplitter, GivesTheRestOfAStreamThatEnds) {
  SseSplitter splitter;
  ASSERT_TRUE(splitter.Push("data: a\n\ndata: [DONE]"));
  EXPECT_EQ(splitter.Take(), "data: a\n\n");
  EXPECT_EQ(splitter.Take(), "");
  EXPECT_EQ(splitter.TakeRest(), "data: [DONE]\n\n");
  EXPECT_EQ(splitter.TakeRest(), "");
}

TEST(SseSplitter, FindsTheDataOfAnEvent) {
  struct Case {
    std::string_view event;
    std::string_view data;
    bool has_one_line;
  };
  const Case cases[] = {
      {"data: a\n\n", "a", true},
      {"data:a\r\n\r\n", "a", true},
      {"event: x\rdata: a\r\r", "a", true},
      {": c\n\n", "", true},
      {"\n", "", true},
      {"data\n\n", "", true},
      {"data: a\ndata: b\n\n", "a\nb", false},
      {"datax: a\n\n", "", true},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(SseSplitter::Data(one.event), one.data) << one.event;
    const std::optional<std::string_view> line = SseSplitter::OneData(one.event);
    EXPECT_EQ(line.has_value(), one.has_one_line) << one.event;
    if (line) {
      EXPECT_EQ(*line, one.data) << one.event;
    }
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
