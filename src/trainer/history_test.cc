#include "trainer/history.h"

#include <cmath>

#include <gtest/gtest.h>

#include "trainer/test_folder.h"

namespace holdfast::trainer {
namespace {

TEST(History, KeepsLinesWhoseNumbersAreNone) {
  const TestFolder folder;
  const std::filesystem::path path = folder.path() / "history.jsonl";
  {
    auto history = History::Open(path, 0);
    ASSERT_TRUE(history);
    ASSERT_TRUE(history->Add({{"step", 10}, {"loss", std::nan("")}}));
    ASSERT_TRUE(history->Add({{"step", 20}, {"heldout", {{"loss", HUGE_VAL}}}}));
    ASSERT_TRUE(history->Add({{"step", 30}, {"loss", 2.5}}));
  }
  ASSERT_TRUE(History::Open(path, 20));
  const auto lines = ReadHistory(path);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].at("loss").is_null());
  EXPECT_TRUE(lines[1].at("heldout").at("loss").is_null());
}

}  // namespace
}  // namespace holdfast::trainer
