#include "trainer/report.h"

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>

#include "trainer/history.h"
#include "trainer/test_folder.h"

namespace holdfast::trainer {
namespace {

std::size_t Count(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(Report, IsOnePageWithoutScriptsOrOutsideLinks) {
  std::vector<json::Object> history;
  for (int step = 10; step <= 2000; step += 10) {
    json::Object line{{"step", step},          {"tokens", step * 1000}, {"loss", 8.0 / step},
                      {"learning_rate", 1e-3}, {"gradient_norm", 0.5},  {"expert_load_max", 1.5}};
    line["expert_count"] = json::Array{4, 6, 10, 0};
    history.push_back(line);
    if (step % 100 == 0) {
      history.push_back({{"step", step},
                         {"tokens", step * 1000},
                         {"heldout", {{"set one", {{"loss", 2.0}, {"bits_per_byte", 1.5}}}}}});
    }
  }
  const std::string html = MakeReport("<run>", history, {{"cost", 0.25}, {"currency", "USD"}}, 2);
  EXPECT_NE(html.find("&lt;run&gt;"), std::string::npos);
  EXPECT_EQ(Count(html, "<svg"), 5u);
  EXPECT_EQ(Count(html, "<script"), 0u);
  EXPECT_EQ(Count(html, "http"), 0u);
  EXPECT_EQ(Count(html, "MoE block"), 2u);
  EXPECT_NE(html.find("0.25"), std::string::npos);
}

TEST(History, DropsWhatCameAfterTheCheckpointAndACutOffLine) {
  const TestFolder folder;
  const auto path = folder.path() / "history.jsonl";
  std::ofstream(path) << "{\"step\":10}\n{\"step\":20}\n{\"step\":30}\n{\"st";
  {
    auto history = History::Open(path, 20);
    ASSERT_TRUE(history.has_value()) << history.error().message;
    ASSERT_TRUE(history->Add({{"step", 21}}).has_value());
  }
  const auto lines = ReadHistory(path);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1].at("step").as_int64(), 20);
  EXPECT_EQ(lines[2].at("step").as_int64(), 21);
}

}  // namespace
}  // namespace holdfast::trainer
