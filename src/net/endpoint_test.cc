#include "net/endpoint.h"

#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

TEST(Endpoint, ReadsWhatItWrites) {
  for (const char* text : {"localhost:8080", "127.0.0.1:0", "[::1]:65535", "unix:/tmp/a.sock"}) {
    const Result<Endpoint> endpoint = ParseEndpoint(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->ToString(), text);
  }
}

TEST(Endpoint, RefusesWhatIsNeither) {
  for (const char* text : {"", "8080", ":8080", "localhost:", "localhost:65536", "localhost:80a",
                           "::1:80", "unix:", "localhost:-1"}) {
    EXPECT_FALSE(ParseEndpoint(text)) << text;
  }
  EXPECT_FALSE(ParseEndpoint("unix:/" + std::string(kUnixPathBytesMax, 'a')));
  EXPECT_TRUE(ParseEndpoint("unix:" + std::string(kUnixPathBytesMax, 'a')));
}

}  // namespace
}  // namespace holdfast::net
