#include "json/json.h"

#include <cmath>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::json {
namespace {

using testing::HasSubstr;

TEST(Json, ParsesWholeDocumentsOfStrictJson) {
  for (const char* text :
       {"{}", " [1, 2.5, -3e9, true, null, \"\\u00e4\\ud83e\\udd99\"] ", "\"\"", "0"}) {
    EXPECT_TRUE(Parse(text)) << text;
  }
}

TEST(Json, SkipsOneByteOrderMarkAtTheBegin) {
  const std::string mark = "\xEF\xBB\xBF";
  const auto parsed = Parse(mark + " {\"a\":1}");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(Write(*parsed), "{\"a\":1}");
  for (const std::string& text :
       {mark, mark + mark + "{}", "{}" + mark, mark.substr(0, 2) + "{}"}) {
    EXPECT_FALSE(Parse(text)) << text;
  }
  EXPECT_THAT(Parse(mark + "{x").error().message, HasSubstr("at byte 4"));
}

TEST(Json, RefusesWhatIsNotJsonWithTheByte) {
  const char* cases[] = {"",        "{",        "[1,]",        "{\"a\":1,}", "nul",
                         "01",      "\"\\x\"",  "'a'",         "{} {}",      "NaN",
                         "// c\n1", "\"\xff\"", "\"\\ud800\"", "\"a\nb\"",   "{\"a\" 1}",
                         "[1 2]",   "+1",       "\"open"};
  for (const char* text : cases) {
    const auto parsed = Parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument) << text;
    EXPECT_THAT(parsed.error().message, HasSubstr("not JSON at byte")) << text;
  }
}

TEST(Json, RefusesNumbersBeyondDouble) {
  for (const char* text : {"1e39223", "[-1e400]", "{\"a\":[{\"b\":1e309}]}"}) {
    const auto parsed = Parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().message, HasSubstr("beyond the range of double"));
  }
  EXPECT_TRUE(Parse("[1e308, 1e-400]"));  // Too small is zero.
}

TEST(Json, LimitsSizeAndDepth) {
  EXPECT_EQ(Parse("[1,2,3]", {.text_bytes_max = 6}).error().code, ErrorCode::kTooLarge);
  EXPECT_TRUE(Parse("[1,2,3]", {.text_bytes_max = 7}));
  EXPECT_TRUE(Parse("[[[1]]]", {.depth_max = 3}));
  EXPECT_FALSE(Parse("[[[[1]]]]", {.depth_max = 3}));
  EXPECT_FALSE(Parse(std::string(1 << 20, '[')));
  EXPECT_FALSE(Parse([] {
    std::string text;
    for (int i = 0; i < 100000; ++i) text += "{\"a\":";
    return text;
  }()));
}

TEST(Json, WritesWhatItParses) {
  const std::string text = R"({"a":[1,-2,3.5E0,true,null],"b":{"c":"\"\\\n\u0001ä"}})";
  const auto parsed = Parse(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(Write(*parsed), text);
}

TEST(Json, WritesNullForNumbersThatItCannotParse) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Value value = {{"loss", std::nan("")}, {"list", {1.5, kInfinity, {{"low", -kInfinity}}}}};
  EXPECT_FALSE(IsFinite(value));
  EXPECT_EQ(Write(value), R"({"loss":null,"list":[1.5E0,null,{"low":null}]})");
  for (const double number : {std::nan(""), kInfinity, -kInfinity, 1e308, -0.0}) {
    EXPECT_TRUE(Parse(Write(Value(number)))) << number;
    EXPECT_TRUE(Parse(Write(Array{number, Object{{"a", number}}}))) << number;
  }
}

class Members : public testing::Test {
 protected:
  static Object Parsed() {
    return Parse(R"({"int": 7, "real": 2.5, "whole": 3.0, "text": "x", "yes": true, "none": null,
                     "huge": 18446744073709551615, "list": [1, 2], "map": {"k": 1}})")
        ->as_object();
  }
  const Object object = Parsed();
};

template <typename T>
std::string ErrorOf(const Result<T>& result) {
  return result ? "accepted" : result.error().message;
}

TEST_F(Members, IntegersAreExactAndInRange) {
  EXPECT_EQ(*RequireInt(object, "int", 0, 10), 7);
  EXPECT_EQ(*RequireInt(object, "whole", 0, 10), 3);
  EXPECT_EQ(*IntOr(object, "absent", 5, 0, 10), 5);
  EXPECT_EQ(*IntOr(object, "none", 5, 0, 10), 5);
  EXPECT_EQ(ErrorOf(RequireInt(object, "absent", 0, 10)), "'absent' is missing");
  EXPECT_EQ(ErrorOf(RequireInt(object, "int", 8, 10)), "'int' is 7, outside 8..10");
  EXPECT_EQ(ErrorOf(IntOr(object, "real", 0, 0, 10)), "'real' must be an integer");
  EXPECT_EQ(ErrorOf(IntOr(object, "huge", 0, 0, 10)), "'huge' must be an integer");
  EXPECT_EQ(ErrorOf(IntOr(object, "text", 0, 0, 10)), "'text' must be an integer");
}

TEST_F(Members, OtherTypesAreTheNamedOneOrAnError) {
  EXPECT_EQ(*NumberOr(object, "real", 0), 2.5);
  EXPECT_EQ(*NumberOr(object, "int", 0), 7);
  EXPECT_EQ(*NumberOr(object, "absent", 1.5), 1.5);
  EXPECT_EQ(ErrorOf(NumberOr(object, "text", 0)), "'text' must be a number");
  EXPECT_EQ(*BoolOr(object, "yes", false), true);
  EXPECT_EQ(*BoolOr(object, "none", true), true);
  EXPECT_EQ(ErrorOf(BoolOr(object, "int", false)), "'int' must be true or false");
  EXPECT_EQ(*StringOr(object, "text", ""), "x");
  EXPECT_EQ(*StringOr(object, "absent", "y"), "y");
  EXPECT_EQ(ErrorOf(StringOr(object, "list", "")), "'list' must be a string");
  EXPECT_EQ(*RequireString(object, "text"), "x");
  EXPECT_EQ(ErrorOf(RequireString(object, "none")), "'none' must be a string");
  EXPECT_EQ(ErrorOf(RequireString(object, "absent")), "'absent' is missing");
  EXPECT_EQ((*RequireObject(object, "map"))->size(), 1u);
  EXPECT_EQ(ErrorOf(RequireObject(object, "list")), "'list' must be an object");
  EXPECT_EQ(ErrorOf(RequireObject(object, "absent")), "'absent' is missing");
  EXPECT_EQ((*RequireArray(object, "list", 2))->size(), 2u);
  EXPECT_EQ(RequireArray(object, "list", 1).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(ErrorOf(RequireArray(object, "map", 1)), "'map' must be an array");
  EXPECT_EQ(ErrorOf(RequireArray(object, "absent", 1)), "'absent' is missing");
  EXPECT_EQ(Find(object, "absent"), nullptr);
  EXPECT_NE(Find(object, "none"), nullptr);
}

}  // namespace
}  // namespace holdfast::json
