#include "api/refusal_text.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::api {
namespace {

using std::chrono::milliseconds;

ApiError ErrorOf(Reason reason, std::optional<milliseconds> wait, bool has_decision) {
  ApiError error = ToApiError(reason);
  error.retry_after = wait;
  if (has_decision) error.decision = {"dec_2a", "ignores_refusals", 1'900'000'000'000, "a@b.c"};
  return error;
}

struct Case {
  const char* name;
  Reason reason;
  std::optional<milliseconds> wait;   // Of the error that the text is made of.
  std::optional<milliseconds> later;  // And of another, for which it is filled in.
  bool has_decision = false;
};

class RefusalTextOf : public ::testing::TestWithParam<Case> {};

// Made of one error, it says of another what SendError says of that one.
TEST_P(RefusalTextOf, SaysWhatTheErrorSays) {
  const Case& param = GetParam();
  const RefusalText text(ErrorOf(param.reason, param.wait, param.has_decision), Dialect::kOpenAi);
  const ApiError later = ErrorOf(param.reason, param.later, param.has_decision);
  const RefusalText::Filled filled = text.Fill(param.later.value_or(milliseconds(0)), "req_7");
  EXPECT_EQ(filled.body, ErrorText(later, Dialect::kOpenAi, "req_7"));
  const http::ResponseHead head = ErrorHead(later);
  EXPECT_EQ(filled.head.status, head.status);
  EXPECT_EQ(filled.head.content_type, head.content_type);
  EXPECT_EQ(filled.head.lines, http::ToLines(head.headers));
  EXPECT_TRUE(filled.head.headers.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Errors, RefusalTextOf,
    ::testing::Values(
        Case{"AShortWait", Reason::kYourRate, milliseconds(20), milliseconds(4'711)},
        Case{"AMinute", Reason::kYourRate, milliseconds(1), milliseconds(60'000)},
        Case{"ALongWait", Reason::kUnderAttack, milliseconds(119'000), milliseconds(60'001), true},
        Case{"ADecision", Reason::kYourRate, milliseconds(20), milliseconds(999), true},
        Case{"TheReasonsOwnWait", Reason::kYourRate, std::nullopt, std::nullopt},
        Case{"NoWaitThatHelps", Reason::kChallengeRequired, std::nullopt, std::nullopt}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace holdfast::api
