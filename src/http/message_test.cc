#include "http/message.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(PercentDecode, DecodesAndRefuses) {
  EXPECT_EQ(PercentDecode("/a%20b%2Fc"), "/a b/c");
  EXPECT_EQ(PercentDecode("/plain"), "/plain");
  for (const char* text : {"%", "%2", "/a%", "%zz", "%0g", "%-1", "%00"}) {
    EXPECT_EQ(PercentDecode(text), std::nullopt) << text;
  }
}

TEST(FindHeader, IgnoresCase) {
  const std::vector<Header> headers = {{"Content-Type", "a"}, {"X-Y", "b"}, {"x-y", "c"}};
  EXPECT_EQ(FindHeader(headers, "content-type"), "a");
  EXPECT_EQ(FindHeader(headers, "x-y"), "b");
  EXPECT_EQ(FindHeader(headers, "x"), "");
}

}  // namespace
}  // namespace holdfast::http
