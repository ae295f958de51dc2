#include "server/requests_at_once.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

accounts::Identity Who(std::string account, std::string key = {}) {
  accounts::Identity who;
  who.account_id = std::move(account);
  who.key_id = std::move(key);
  return who;
}

TEST(RequestsAtOnce, RefusesTheOneAfterTheLimitAndNobodyElse) {
  RequestsAtOnce counts;
  const accounts::AtOnceLimits two{.account = 2, .key = std::nullopt};
  auto first = counts.Take(Who("ada"), two);
  auto second = counts.Take(Who("ada", "k1"), two);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(counts.Take(Who("ada"), two)) << "with a key and without are one account";
  EXPECT_TRUE(counts.Take(Who("bob"), two));
  first.reset();
  EXPECT_TRUE(counts.Take(Who("ada"), two)) << "one that ended makes room";
}

TEST(RequestsAtOnce, LimitsAKeyByItself) {
  RequestsAtOnce counts;
  const accounts::AtOnceLimits one_a_key{.account = std::nullopt, .key = 1};
  const auto first = counts.Take(Who("ada", "k1"), one_a_key);
  ASSERT_TRUE(first);
  EXPECT_FALSE(counts.Take(Who("ada", "k1"), one_a_key));
  EXPECT_TRUE(counts.Take(Who("ada", "k2"), one_a_key));
  EXPECT_TRUE(counts.Take(Who("ada"), one_a_key)) << "no key";
}

TEST(RequestsAtOnce, ARefusedRequestTakesNoPlace) {
  RequestsAtOnce counts;
  const accounts::AtOnceLimits limits{.account = 3, .key = 1};
  const auto first = counts.Take(Who("ada", "k1"), limits);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(counts.Take(Who("ada", "k1"), limits));
  const auto second = counts.Take(Who("ada", "k2"), limits);
  EXPECT_TRUE(second && counts.Take(Who("ada"), limits));
}

TEST(RequestsAtOnce, CountsWithoutALimitForTheLimitThatMayCome) {
  RequestsAtOnce counts;
  std::vector<RequestsAtOnce::Place> places;
  for (int i = 0; i < 5; ++i) places.push_back(*counts.Take(Who("ada"), {}));
  EXPECT_FALSE(counts.Take(Who("ada"), {.account = 5, .key = {}}));
  places[0].Release();
  places[0].Release();
  EXPECT_TRUE(counts.Take(Who("ada"), {.account = 5, .key = {}})) << "and only once";
  places[1] = RequestsAtOnce::Place();
  EXPECT_TRUE(counts.Take(Who("ada"), {.account = 4, .key = {}})) << "a place that was left";
}

}  // namespace
}  // namespace holdfast::server
