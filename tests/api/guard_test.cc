// Due process over real sockets: whoever is limited is told by what and how to object, and an
// operator takes it back, on the page or on the machine.
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/browser.h"
#include "api/running_service.h"

namespace holdfast::testing {
namespace {

// A program that signs up as fast as it can and heeds no refusal, over one connection, until what
// it is told is a decision about it.
Response SignUpWithoutHeed(int port) {
  constexpr int kTriesMax = 4000;
  constexpr std::string_view kBody = R"({"name":"bot","password":"short"})";
  std::string request = PostText("/api/accounts", kBody);
  Response last;
  Connection connection(port);
  for (int i = 0; i < kTriesMax; ++i) {
    connection.Send(request);
    last = connection.Read();
    if (last.status == 0 || last.headers.contains("x-holdfast-decision")) break;
  }
  return last;
}

struct Told {
  int status = 0;
  std::string text;
};

Told RunVerb(std::vector<std::string> words, const std::vector<std::string>& settings) {
  Service verb(std::move(words), settings);
  const std::optional<int> status = verb.WaitEnd();
  return {status.value_or(-1), verb.Log()};
}

class Guarded : public ::testing::Test {
 protected:
  static std::vector<std::string> Settings(const TempFolder& state) {
    std::vector<std::string> settings = AccountSettings("open", "everyone");
    settings.push_back("HOLDFAST_UP_STATE_DIR=" + state.path().string());
    settings.push_back("HOLDFAST_GUARD_CONTACT=guard@example.org");
    return settings;
  }

  TempFolder state_;
  const std::vector<std::string> settings_ = Settings(state_);
};

TEST_F(Guarded, WhoeverIsLimitedIsToldWhyAndAnOperatorUndoesIt) {
  RunningService running(settings_);
  Browser boss(running.port);
  ASSERT_EQ(BecomeOperator(boss, state_.path()).status, 201);
  ASSERT_EQ(boss.Send("GET", "/api/admin/guard/decisions").Json().at("decisions").as_array().size(),
            0u);
  const Response refused = SignUpWithoutHeed(running.port);
  ASSERT_TRUE(refused.headers.contains("x-holdfast-decision")) << refused.body;
  const std::string id = refused.headers.at("x-holdfast-decision");
  EXPECT_EQ(refused.Error("reason"), "under_attack");
  EXPECT_EQ(refused.Error("decision"), id);
  EXPECT_EQ(refused.Error("rule"), "ignores_refusals");
  EXPECT_EQ(refused.Error("objection"), "guard@example.org");
  EXPECT_NE(refused.Error("message").find("guard@example.org"), std::string::npos);
  EXPECT_TRUE(refused.Json().at("error").at("expires_at").is_int64());
  EXPECT_EQ(Get(running.port, "/").status, 403) << "whatever else it asks";

  const json::Value list = boss.Send("GET", "/api/admin/guard/decisions").Json();
  ASSERT_EQ(list.at("decisions").as_array().size(), 1u) << json::Write(list);
  EXPECT_EQ(list.at("decisions").at(0).at("id").as_string(), id);
  EXPECT_EQ(list.at("decisions").at(0).at("evidence").at(0).at("detector").as_string(), "refusals");
  const Response one = boss.Send("GET", "/api/admin/guard/decisions/" + id);
  EXPECT_EQ(one.Json().at("state").as_string(), "in_force");
  EXPECT_EQ(boss.Send("GET", "/api/admin/guard").Json().at("restrictions").as_int64(), 1);

  ASSERT_EQ(boss.Send("DELETE", "/api/admin/guard/decisions/" + id).status, 204);
  EXPECT_EQ(Get(running.port, "/").status, 200) << "at once";
  EXPECT_EQ(boss.Send("DELETE", "/api/admin/guard/decisions/" + id).status, 404);
  const json::Value ended =
      boss.Send("GET", "/api/admin/guard/decisions?state=ended").Json().at("decisions").at(0);
  EXPECT_EQ(ended.at("state").as_string(), "undone");
  EXPECT_TRUE(ended.at("ended_by").is_string());
  EXPECT_EQ(boss.Send("GET", "/api/admin/guard/decisions?state=other").status, 400);
  EXPECT_EQ(boss.Send("GET", "/api/admin/guard/decisions/dec_1").status, 404);
}

TEST_F(Guarded, OnTheMachineItIsListedShownAndUndone) {
  RunningService running(settings_);
  const Response refused = SignUpWithoutHeed(running.port);
  ASSERT_TRUE(refused.headers.contains("x-holdfast-decision")) << refused.body;
  const std::string id = refused.headers.at("x-holdfast-decision");
  const Told list = RunVerb({"guard", "list"}, settings_);
  EXPECT_EQ(list.status, 0) << list.text;
  EXPECT_NE(list.text.find(id), std::string::npos) << list.text;
  EXPECT_NE(list.text.find("ignores_refusals"), std::string::npos) << list.text;
  const Told shown = RunVerb({"guard", "show", id}, settings_);
  EXPECT_NE(shown.text.find("refusals 1"), std::string::npos) << shown.text;
  const Told undone = RunVerb({"guard", "undo", id}, settings_);
  EXPECT_EQ(undone.status, 0) << undone.text;
  EXPECT_NE(undone.text.find("undone by console"), std::string::npos) << undone.text;
  EXPECT_EQ(Get(running.port, "/").status, 200);
  EXPECT_NE(RunVerb({"guard", "undo", id}, settings_).status, 0);
  EXPECT_NE(RunVerb({"guard", "list", "--ended"}, settings_).text.find(id), std::string::npos);
  const Told report = RunVerb({"guard", "report"}, settings_);
  EXPECT_EQ(report.status, 0) << report.text;
  EXPECT_NE(report.text.find("in shadow"), std::string::npos) << report.text;
  EXPECT_NE(report.text.find("hostile_cluster challenge: 0 accused"), std::string::npos);

  std::ifstream file(state_.path() / "audit.log");
  const std::string audit((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(audit.find("restriction_undone"), std::string::npos);
  EXPECT_NE(audit.find(id), std::string::npos);
}

TEST_F(Guarded, StrangersAndPersonsSeeNoDecision) {
  RunningService running(settings_);
  Browser ada(running.port);
  for (const bool is_person : {false, true}) {
    if (is_person) {
      ASSERT_EQ(ada.Register("ada").status, 201);
    }
    const int status = is_person ? 403 : 401;
    EXPECT_EQ(ada.Send("GET", "/api/admin/guard").status, status);
    EXPECT_EQ(ada.Send("GET", "/api/admin/guard/decisions").status, status);
    EXPECT_EQ(ada.Send("GET", "/api/admin/guard/decisions/dec_1").status, status);
    EXPECT_EQ(ada.Send("DELETE", "/api/admin/guard/decisions/dec_1").status, status);
  }
}

TEST_F(Guarded, AnAddressHasAsManyNewConnectionsAsTheConfigurationSays) {
  std::vector<std::string> settings = settings_;
  settings.emplace_back("HOLDFAST_GUARD_CONNECTIONS_PER_SECOND=5");  // A hundred at once.
  RunningService running(settings);
  int answered = 0;
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    const int status = Get(running.port, "/health").status;
    answered += status == 200;
    refused += status != 200;
  }
  EXPECT_GT(answered, 50);
  EXPECT_GT(refused, 50);
}

TEST(GuardVerb, SaysThatNoGatewayIsRunning) {
  TempFolder state;
  const Told told = RunVerb({"guard", "list"}, {"HOLDFAST_UP_STATE_DIR=" + state.path().string()});
  EXPECT_NE(told.status, 0);
  EXPECT_NE(told.text.find("no gateway is running"), std::string::npos) << told.text;
}

}  // namespace
}  // namespace holdfast::testing
