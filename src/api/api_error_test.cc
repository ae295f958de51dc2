#include "api/api_error.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::api {
namespace {

json::Value Written(const ApiError& error) {
  return *json::Parse(ErrorText(error, Dialect::kOpenAi, "req_1"));
}

TEST(ApiError, SaysWhichDecisionItIsByUntilWhenAndWhereToObject) {
  ApiError error = ToApiError(Reason::kUnderAttack);
  EXPECT_FALSE(Written(error).at("error").as_object().contains("decision"));
  error.decision = {"dec_2a", "ignores_refusals", 1'900'000'000'001, "guard@example.org"};
  const json::Object body = Written(error).at("error").as_object();
  EXPECT_EQ(body.at("decision").as_string(), "dec_2a");
  EXPECT_EQ(body.at("rule").as_string(), "ignores_refusals");
  EXPECT_EQ(body.at("expires_at").as_int64(), 1'900'000'000'001);
  EXPECT_EQ(body.at("objection").as_string(), "guard@example.org");
  // For people whose program shows them nothing else.
  EXPECT_EQ(body.at("message").as_string(),
            error.message +
                " Decision dec_2a by the rule ignores_refusals, until 2030-03-17T17:46:41Z. "
                "To object: guard@example.org.");
}

TEST(ApiError, NamesNoPlaceToObjectWhereTheOperatorNamesNone) {
  ApiError error = ToApiError(Reason::kUnderAttack);
  error.decision = {"dec_2a", "ignores_refusals", 1'900'000'000'000, ""};
  const json::Object body = Written(error).at("error").as_object();
  EXPECT_TRUE(body.at("objection").is_null());
  EXPECT_TRUE(std::string(body.at("message").as_string()).ends_with("17:46:40Z."));
}

}  // namespace
}  // namespace holdfast::api
