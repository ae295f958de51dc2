#include "oidc/log_in_table.h"

#include <gtest/gtest.h>

namespace holdfast::oidc {
namespace {

constexpr std::int64_t kNow = 1'800'000'000'000;

LogIn Begun(const std::string& state, std::int64_t at_ms = kNow) {
  LogIn log_in;
  log_in.provider = "school";
  log_in.secrets = {state, "nonce of " + state, "verifier"};
  log_in.began_at_ms = at_ms;
  return log_in;
}

TEST(LogInTable, GivesALogInBackOnceAndToItsBrowserAlone) {
  LogInTable table;
  table.Begin(Begun("a"), "browser", "client");
  const auto taken = table.Take("a", "browser", kNow + 1);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->secrets.nonce, "nonce of a");
  EXPECT_FALSE(table.Take("a", "browser", kNow + 1)) << "once";
  EXPECT_FALSE(table.Take("never", "browser", kNow + 1));
  table.Begin(Begun("b"), "browser", "client");
  EXPECT_FALSE(table.Take("b", "another browser", kNow + 1));
  EXPECT_FALSE(table.Take("b", "browser", kNow + 1)) << "a stolen state is of no use any more";
  table.Begin(Begun("c"), "", "client");
  EXPECT_FALSE(table.Take("c", "", kNow + 1)) << "no cookie is no browser";
  EXPECT_EQ(table.size(), 0U);
}

TEST(LogInTable, ForgetsALogInAfterItsTime) {
  LogInTable table;
  table.Begin(Begun("a"), "browser", "client");
  table.Begin(Begun("b"), "browser", "client");
  EXPECT_TRUE(table.Take("a", "browser", kNow + kLifeMs - 1));
  EXPECT_FALSE(table.Take("b", "browser", kNow + kLifeMs));
  table.Begin(Begun("c"), "browser", "client");
  table.Begin(Begun("d", kNow + kLifeMs), "browser", "client");
  EXPECT_EQ(table.size(), 1U) << "the old one is gone without anybody asking for it";
}

TEST(LogInTable, OfOneClientTheOldestGivesWay) {
  LogInTable table;
  table.Begin(Begun("of another"), "browser", "other");
  for (std::size_t i = 0; i <= kLogInsOfClientMax; ++i) {
    table.Begin(Begun(std::to_string(i)), "browser", "client");
  }
  EXPECT_EQ(table.size(), kLogInsOfClientMax + 1);
  EXPECT_FALSE(table.Take("0", "browser", kNow));
  EXPECT_TRUE(table.Take("1", "browser", kNow));
  EXPECT_TRUE(table.Take("of another", "browser", kNow));
}

TEST(LogInTable, OfAllTheOldestGivesWay) {
  LogInTable table;
  for (std::size_t i = 0; i <= kLogInsMax; ++i) {
    table.Begin(Begun(std::to_string(i)), "browser", std::to_string(i / 8));
  }
  EXPECT_EQ(table.size(), kLogInsMax);
  EXPECT_FALSE(table.Take("0", "browser", kNow));
  EXPECT_TRUE(table.Take(std::to_string(kLogInsMax), "browser", kNow));
}

}  // namespace
}  // namespace holdfast::oidc
