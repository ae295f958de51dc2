#include "json/unique_keys.h"

#include <gtest/gtest.h>

namespace holdfast::json {
namespace {

TEST(UniqueKeys, RefusesTwoMembersOfOneNameWhereverTheyAre) {
  struct Case {
    const char* text;
    bool is_good;
  };
  const Case kCases[] = {
      {R"({})", true},
      {R"({"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": 4}]})", true},
      {"\xEF\xBB\xBF{\"a\": 1}", true},
      {R"([1, "a", "a"])", true},
      {R"({"a": 1, "a": 1})", false},
      {R"({"a": 1, "\u0061": 2})", false},
      {R"({"b": {"a": 1, "c": 2, "a": 3}})", false},
      {R"([[{"a": null, "a": {}}]])", false},
      {R"({"a": 1)", false},
      {"", false},
  };
  for (const Case& each : kCases) {
    EXPECT_EQ(ParseUnique(each.text).has_value(), each.is_good) << each.text;
  }
}

TEST(UniqueKeys, HoldsToTheLimitsOfParse) {
  EXPECT_EQ(ParseUnique("[[[[1]]]]", {.text_bytes_max = 100, .depth_max = 3}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(ParseUnique("[1, 2, 3]", {.text_bytes_max = 3, .depth_max = 3}).error().code,
            ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace holdfast::json
