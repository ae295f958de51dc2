// Requests at once of an account and of a key, over real sockets.
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "api/browser.h"
#include "api/running_service.h"

namespace holdfast::testing {
namespace {

class AtOnce : public ::testing::Test {
 protected:
  static std::vector<std::string> Settings(const TempFolder& state) {
    std::vector<std::string> settings = AccountSettings("open");
    settings.push_back("HOLDFAST_UP_STATE_DIR=" + state.path().string());
    settings.push_back("HOLDFAST_ACCOUNTS_REQUESTS_AT_ONCE=2");
    return settings;
  }
  AtOnce() {
    EXPECT_EQ(BecomeOperator(boss_, state_.path()).status, 201);
    EXPECT_EQ(ada_.Register("ada").status, 201);
    key_ = MakeKey(ada_, R"({"name":"k"})");
    const json::Value list = boss_.Send("GET", "/api/admin/accounts?query=ada").Json();
    quota_ = fmt::format("/api/admin/accounts/{}/quota",
                         std::string(list.at("accounts").at(0).at("id").as_string()));
  }
  static std::string MakeKey(Browser& owner, const std::string& fields) {
    return std::string(owner.Send("POST", "/api/me/keys", fields).Json().at("key").as_string());
  }

  // An answer without an end; it is under way.
  std::unique_ptr<Connection> Hold(const std::string& key, std::string_view more = {}) const {
    const std::string body =
        ChatBody(fmt::format(R"({},"max_tokens":4000,"stream":true{})", kNoEnd, more));
    auto stream = std::make_unique<Connection>(running_.port);
    stream->Send(ChatText(key, body));
    EXPECT_TRUE(stream->ReadUntil("\"content\":")) << stream->pending();
    return stream;
  }
  Response Ask(const std::string& key) const {
    return AskWithKey(running_.port, key, ChatBody(R"("max_tokens":1)"));
  }
  // Until there is room: a client that left is noticed a moment later.
  bool HasRoom(const std::string& key) const {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      if (Ask(key).status == 200) return true;
    }
    return false;
  }

  TempFolder state_;
  RunningService running_{Settings(state_)};
  Browser boss_{running_.port};
  Browser ada_{running_.port};
  std::string key_;
  std::string quota_;
};

TEST_F(AtOnce, TheOneAfterTheLimitIsRefusedUntilAnotherEnds) {
  EXPECT_EQ(ada_.Send("GET", "/api/me/usage").Json().at("requests_at_once_max"), 2);
  std::unique_ptr<Connection> first = Hold(key_, R"(,"n":3)");
  const std::unique_ptr<Connection> second = Hold(key_);
  const Response refused = Ask(key_);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.Error("reason"), "your_concurrency");
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  EXPECT_EQ(ada_.Send("POST", "/v1/chat/completions", ChatBody(R"("max_tokens":1)")).status, 429)
      << "a session is the same account";
  Browser bob(running_.port);
  ASSERT_EQ(bob.Register("bob").status, 201);
  EXPECT_EQ(Ask(MakeKey(bob, R"({"name":"b"})")).status, 200) << "others are not touched";
  first->Close();
  EXPECT_TRUE(HasRoom(key_));
}

TEST_F(AtOnce, AnOperatorGivesAnAccountItsOwnLimit) {
  ASSERT_EQ(boss_.Send("POST", quota_, R"({"tokens_per_day":1000000,"requests_at_once":1})").status,
            204);
  ASSERT_EQ(boss_.Send("POST", quota_, R"({"tokens_per_day":2000000})").status, 204);
  const json::Value row =
      boss_.Send("GET", "/api/admin/accounts?query=ada").Json().at("accounts").at(0);
  EXPECT_EQ(row.at("requests_at_once"), 1) << "what is left out stays";
  EXPECT_EQ(row.at("tokens_per_day"), 2'000'000);
  const std::unique_ptr<Connection> first = Hold(key_);
  EXPECT_EQ(Ask(key_).Error("reason"), "your_concurrency");
  ASSERT_EQ(boss_.Send("POST", quota_, R"({"requests_at_once":0})").status, 204);
  EXPECT_TRUE(ada_.Send("GET", "/api/me/usage").Json().at("requests_at_once_max").is_null());
  const std::unique_ptr<Connection> second = Hold(key_, R"(,"n":3)");
  const std::unique_ptr<Connection> third = Hold(key_, R"(,"n":3)");
  EXPECT_EQ(Ask(key_).status, 200) << "the guard's limit alone";
  // Right after each other: an answer ends where the model's context does.
  const std::unique_ptr<Connection> fourth = Hold(key_, R"(,"n":3)");
  ASSERT_EQ(boss_.Send("POST", quota_, R"({"requests_at_once":null})").status, 204);
  EXPECT_EQ(Ask(key_).status, 429) << "those under way count against a limit that came later";
  EXPECT_EQ(ada_.Send("GET", "/api/me/usage").Json().at("requests_at_once_max"), 2);
  EXPECT_EQ(boss_.Send("POST", quota_, R"({"requests_at_once":-1})").status, 400);
  EXPECT_EQ(boss_.Send("POST", quota_, "{}").status, 400);
}

TEST_F(AtOnce, AKeyHasALimitOfItsOwn) {
  const std::string narrow = MakeKey(ada_, R"({"name":"narrow","requests_at_once":1})");
  const json::Value keys = ada_.Send("GET", "/api/me/keys").Json().at("keys");
  EXPECT_TRUE(keys.at(0).at("requests_at_once").is_null());
  EXPECT_EQ(keys.at(1).at("requests_at_once"), 1);
  const std::unique_ptr<Connection> first = Hold(narrow);
  EXPECT_EQ(Ask(narrow).Error("reason"), "your_concurrency");
  EXPECT_EQ(Ask(key_).status, 200);
  EXPECT_EQ(ada_.Send("POST", "/api/me/keys", R"({"name":"n","requests_at_once":0})").status, 400);
}

TEST_F(AtOnce, WhoAsksOneAfterTheOtherIsNeverRefused) {
  const std::string narrow = MakeKey(ada_, R"({"name":"narrow","requests_at_once":1})");
  constexpr int kAnswers = 20;
  const std::string body = ChatBody(R"("max_tokens":2,"stream":true)");
  for (int i = 0; i < kAnswers; ++i) {
    Connection stream(running_.port);
    stream.Send(ChatText(narrow, body));
    ASSERT_TRUE(stream.ReadUntil("[DONE]")) << i << stream.pending();
  }
}

}  // namespace
}  // namespace holdfast::testing
