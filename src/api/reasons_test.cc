#include "api/reasons.h"

#include <set>

#include <gtest/gtest.h>

#include "api/api_error.h"

namespace holdfast::api {
namespace {

TEST(Reasons, EachHasAWordOfItsOwnAndAnErrorStatus) {
  std::set<std::string_view> words;
  for (int i = 0; i < kReasonCount; ++i) {
    const ReasonInfo& info = Info(static_cast<Reason>(i));
    EXPECT_TRUE(words.insert(info.word).second) << info.word;
    const int status = Wire(info.reason).status;
    EXPECT_GE(status, 400) << info.word;
    EXPECT_EQ(info.side == Side::kService, status >= 500) << info.word;
    EXPECT_EQ(FindReason(info.word), info.reason);
  }
  EXPECT_EQ(FindReason("nonsense"), std::nullopt);
}

TEST(ApiError, NamesEveryWayInWhichARequestIsStopped) {
  const std::pair<net::StopReason, Reason> cases[] = {
      {net::StopReason::kNone, Reason::kInternal},
      {net::StopReason::kClientLeft, Reason::kClientLeft},
      {net::StopReason::kDeadline, Reason::kDeadlineExceeded},
      {net::StopReason::kShutdown, Reason::kDraining},
      {net::StopReason::kLimit, Reason::kSlowReader},
  };
  ASSERT_EQ(std::size(cases), static_cast<std::size_t>(net::kStopReasonCount));
  for (const auto& [stop, reason] : cases) EXPECT_EQ(ToApiError(stop).reason, reason);
}

TEST(ApiError, HasNoMappingForErrorsOfOthers) {
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kTooLarge, ErrorCode::kNotFound,
                               ErrorCode::kResourceExhausted, ErrorCode::kPermissionDenied}) {
    EXPECT_EQ(ToApiError(MakeError(code, "of some domain")).reason, Reason::kInternal);
  }
}

TEST(ApiError, TellsClientsWhenToTryAgain) {
  ApiError error;
  error.reason = Reason::kQueueFull;
  error.message = "m";
  EXPECT_EQ(http::FindHeader(RetryHeaders(error), "Retry-After"), "2");
  EXPECT_EQ(http::FindHeader(RetryHeaders(error), "retry-after-ms"), "2000");
  error.retry_after = std::chrono::minutes(5);
  EXPECT_EQ(http::FindHeader(RetryHeaders(error), "x-should-retry"), "false");
  error.reason = Reason::kBadRequest;
  error.retry_after.reset();
  EXPECT_EQ(http::FindHeader(RetryHeaders(error), "x-should-retry"), "false");
  EXPECT_TRUE(http::FindHeader(RetryHeaders(error), "Retry-After").empty());
}

TEST(ApiError, KeepsInternalFailuresToItself) {
  const ApiError error = ToApiError(MakeError(ErrorCode::kIo, "/secret/path: broken"));
  EXPECT_EQ(error.reason, Reason::kInternal);
  EXPECT_EQ(error.message.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::api
