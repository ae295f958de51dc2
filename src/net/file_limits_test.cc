#include "net/file_limits.h"

#include <limits>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace holdfast::net {
namespace {

TEST(FileLimits, RaisesTheSoftLimitAndSaysWhatThereIs) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit before = limit;
  limit.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  const Result<std::size_t> possible = RaiseFileLimit(65);
  ASSERT_TRUE(possible) << possible.error().message;
  EXPECT_EQ(*possible, before.rlim_max);
  const Result<std::size_t> too_many = RaiseFileLimit(std::numeric_limits<std::size_t>::max());
  if (before.rlim_max != RLIM_INFINITY) {
    ASSERT_FALSE(too_many);
    EXPECT_EQ(too_many.error().code, ErrorCode::kResourceExhausted);
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace holdfast::net
