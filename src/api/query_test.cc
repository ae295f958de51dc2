#include "api/query.h"

#include <gtest/gtest.h>

namespace holdfast::api {
namespace {

TEST(Query, FindsAValueAsBrowsersWriteIt) {
  const struct {
    std::string_view query;
    std::optional<std::string> value;
  } cases[] = {
      {"", std::nullopt},
      {"q", ""},
      {"q=", ""},
      {"q=a", "a"},
      {"x=1&q=a+b&q=c", "a b"},
      {"q=%C3%BC%26%2B", "ü&+"},
      {"qq=1&Q=2", std::nullopt},
      {"&&q=a=b&", "a=b"},
  };
  for (const auto& [query, value] : cases) {
    const auto found = QueryValue(query, "q", 10);
    ASSERT_TRUE(found) << query;
    EXPECT_EQ(*found, value) << query;
  }
}

TEST(Query, RefusesWhatIsBrokenOrTooLong) {
  for (const std::string_view query : {"q=%", "q=%zz", "q=%00", "q=12345678901"}) {
    EXPECT_EQ(QueryValue(query, "q", 10).error().reason, Reason::kBadRequest) << query;
  }
}

}  // namespace
}  // namespace holdfast::api
