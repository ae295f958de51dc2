// Accounts over real sockets: a whole service on the tiny model, and people who come to it.
#include <array>
#include <chrono>
#include <fstream>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "api/browser.h"
#include "api/running_service.h"

namespace holdfast::testing {
namespace {

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// An answer is charged when its last byte is out, so a moment after it was read.
bool HasUsed(Browser& browser, std::int64_t tokens) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const json::Value usage = browser.Send("GET", "/api/me/usage").Json();
    if (usage.at("tokens_today").as_int64() == tokens) return true;
  }
  return false;
}

TEST(Accounts, APersonRegistersChatsAndLeaves) {
  RunningService running(AccountSettings("open"));
  Browser ada(running.port);
  EXPECT_TRUE(ada.Send("GET", "/api/me").Json().at("account").is_null());
  EXPECT_EQ(ada.Send("POST", "/v1/chat/completions", ChatBody(R"("max_tokens":2)")).status, 401);

  const Response registered = ada.Register("ada");
  ASSERT_EQ(registered.status, 201) << registered.body;
  EXPECT_EQ(registered.Json().at("account").at("name").as_string(), "ada");
  const std::string set_cookie = registered.headers.at("set-cookie");
  EXPECT_NE(set_cookie.find("HttpOnly"), std::string::npos);
  EXPECT_NE(set_cookie.find("SameSite=Lax"), std::string::npos);
  EXPECT_EQ(ada.Register("ADA").Error("reason"), "name_taken");

  const Response answer = ada.Send("POST", "/v1/chat/completions", ChatBody(R"("max_tokens":3)"));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const std::int64_t total = answer.Json().at("usage").at("total_tokens").as_int64();
  EXPECT_TRUE(HasUsed(ada, total));

  Browser elsewhere(running.port);
  const Response wrong =
      elsewhere.Send("POST", "/api/session", R"({"name":"ada","password":"wrong"})");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.Error("reason"), "wrong_credentials");
  const std::string log_in = fmt::format(R"({{"name":"Ada","password":"{}"}})", kPassword);
  ASSERT_EQ(elsewhere.Send("POST", "/api/session", log_in).status, 200);
  const Response sessions = ada.Send("GET", "/api/me/sessions");
  EXPECT_EQ(sessions.Json().at("sessions").as_array().size(), 2u);
  ASSERT_EQ(ada.Send("DELETE", "/api/me/sessions").status, 204);
  EXPECT_TRUE(elsewhere.Send("GET", "/api/me").Json().at("account").is_null()) << "at once";

  const std::string old_cookie = ada.cookie();
  const Response gone =
      ada.Send("POST", "/api/me/delete", fmt::format(R"({{"password":"{}"}})", kPassword));
  ASSERT_EQ(gone.status, 200) << gone.body;
  EXPECT_TRUE(gone.Json().at("receipt").is_object());
  ada.SetCookie(old_cookie);
  EXPECT_EQ(ada.Send("GET", "/api/me/sessions").status, 401);
}

TEST(Accounts, AKeyIsGoodForWhatItSaysAndNoMore) {
  RunningService running(AccountSettings("open"));
  Browser ada(running.port);
  ASSERT_EQ(ada.Register("ada").status, 201);
  const Response made =
      ada.Send("POST", "/api/me/keys", R"({"name":"laptop","tokens_per_day":1,"models":["tiny"]})");
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string key(made.Json().at("key").as_string());
  const std::string id(made.Json().at("id").as_string());
  EXPECT_EQ(AskWithKey(running.port, "sk-guess", ChatBody(R"("max_tokens":2)")).status, 401);
  const Response answer = AskWithKey(running.port, key, ChatBody(R"("max_tokens":2)"));
  ASSERT_EQ(answer.status, 200);
  ASSERT_TRUE(HasUsed(ada, answer.Json().at("usage").at("total_tokens").as_int64()));
  const Response over = AskWithKey(running.port, key, ChatBody(R"("max_tokens":2)"));
  EXPECT_EQ(over.status, 429);
  EXPECT_EQ(over.Error("reason"), "your_quota");
  EXPECT_EQ(over.headers.at("x-should-retry"), "false");
  const json::Value keys = ada.Send("GET", "/api/me/keys").Json();
  EXPECT_EQ(keys.at("keys").as_array().size(), 1u);
  EXPECT_EQ(json::Write(keys).find(key), std::string::npos) << "it is told once";
  ASSERT_EQ(ada.Send("DELETE", "/api/me/keys/" + id).status, 204);
  EXPECT_EQ(AskWithKey(running.port, key, ChatBody(R"("max_tokens":2)")).status, 401);
  // A key is no session.
  Connection connection(running.port);
  connection.Send("GET /api/me/keys HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key +
                  "\r\n\r\n");
  EXPECT_EQ(connection.Read().status, 401);
}

TEST(Accounts, APageOfAnotherOriginCanDoNothing) {
  RunningService running(AccountSettings("open"));
  Browser ada(running.port);
  ASSERT_EQ(ada.Register("ada").status, 201);
  const std::string_view evil = "https://evil.example";
  EXPECT_EQ(ada.Send("POST", "/api/me/keys", R"({"name":"k"})", evil).status, 403);
  EXPECT_EQ(ada.Send("DELETE", "/api/session", "", evil).status, 403);
  EXPECT_EQ(ada.Send("POST", "/v1/chat/completions", ChatBody(R"("max_tokens":2)"), evil).status,
            401);
  const std::string log_in = fmt::format(R"({{"name":"ada","password":"{}"}})", kPassword);
  EXPECT_EQ(ada.Send("POST", "/api/session", log_in, evil).status, 403);
  EXPECT_EQ(ada.Send("GET", "/api/me/keys").Json().at("keys").as_array().size(), 0u);
}

TEST(Accounts, FieldsThatNobodyAsksForChangeNothing) {
  RunningService running(AccountSettings("open"));
  Browser eve(running.port);
  const std::string more = R"("role":"operator","state":"active","id":"a-1","balance":9,)"
                           R"("tokens_per_day":9,"email_verified":true,"totp":true)";
  const Response made =
      eve.Send("POST", "/api/accounts",
               fmt::format(R"({{"name":"eve","password":"{}",{}}})", kPassword, more));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.headers.at("cache-control"), "no-store");
  const json::Value before = made.Json().at("account");
  EXPECT_EQ(before.at("role"), "person");
  EXPECT_NE(before.at("id"), "a-1");
  EXPECT_EQ(before.at("email_verified"), false);
  EXPECT_EQ(before.at("totp"), false);
  ASSERT_EQ(eve.Send("PATCH", "/api/me", fmt::format(R"({{"name":"eva",{}}})", more)).status, 204);
  json::Object after = eve.Send("GET", "/api/me").Json().at("account").as_object();
  EXPECT_EQ(after.at("name"), "eva");
  after["name"] = "eve";
  EXPECT_EQ(json::Value(after), before);
  EXPECT_TRUE(eve.Send("GET", "/api/me/usage").Json().at("balance").is_null());
  EXPECT_EQ(eve.Send("GET", "/api/admin/accounts").status, 403);
}

// By that name this machine is not meant, so the way here might be anybody's.
TEST(Accounts, ALogInFromElsewhereNeedsHttps) {
  RunningService running(AccountSettings("open"));
  ASSERT_EQ(Browser(running.port).Register("ada").status, 201);
  const std::string body = fmt::format(R"({{"name":"ada","password":"{}"}})", kPassword);
  for (const char* path : {"/api/session", "/api/accounts"}) {
    Connection connection(running.port);
    connection.Send(
        fmt::format("POST {} HTTP/1.1\r\nHost: 127.0.0.2\r\nContent-Type: application/json\r\n"
                    "Content-Length: {}\r\n\r\n{}",
                    path, body.size(), body));
    const Response refused = connection.Read();
    EXPECT_EQ(refused.status, 403) << path;
    EXPECT_EQ(refused.Error("reason"), "needs_https") << path;
  }
}

TEST(Accounts, AStolenSessionDoesNotGuessThePasswordUnderOtherNames) {
  RunningService running(AccountSettings("open"));
  Browser thief(running.port);
  ASSERT_EQ(thief.Register("ada").status, 201);
  constexpr int kTries = 60;
  int checked = 0;
  for (int i = 0; i < kTries; ++i) {
    const Response tried = thief.Send(
        "POST", "/api/me/delete",
        fmt::format(R"({{"name":"name{}","token":"token{}","password":"guess {}"}})", i, i, i));
    if (tried.Error("reason") == "wrong_credentials") ++checked;
    if (tried.status == 429) {
      EXPECT_EQ(tried.Error("reason"), "your_rate");
    }
  }
  EXPECT_LT(checked, kTries / 2);
}

TEST(Accounts, AnonymousUseIsForThisMachineAloneByDefault) {
  RunningService running(AccountSettings("closed", "local"));
  const std::string body = ChatBody(R"("max_tokens":1)");
  const auto ask = [&](std::string_view host, std::string_view more) {
    Connection connection(running.port);
    connection.Send(
        fmt::format("POST /v1/chat/completions HTTP/1.1\r\nHost: {}\r\n{}"
                    "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                    host, more, body.size(), body));
    return connection.Read().status;
  };
  EXPECT_EQ(ask("localhost", ""), 200);
  EXPECT_EQ(ask("127.0.0.1:1", ""), 200);
  EXPECT_EQ(ask("[::1]", ""), 200);
  EXPECT_EQ(ask("127.0.0.2", ""), 401);
  for (const char* header : {"Forwarded: for=192.0.2.1\r\n", "X-Forwarded-For: 192.0.2.1\r\n",
                             "X-Forwarded-Proto: https\r\n", "Via: 1.1 proxy\r\n",
                             "X-Real-IP: 192.0.2.1\r\n", "Origin: https://evil.example\r\n"}) {
    EXPECT_EQ(ask("localhost", header), 401) << header;
  }
}

TEST(Accounts, TheFirstOperatorComesByTheLinkInTheFile) {
  TempFolder state;
  std::vector<std::string> settings = AccountSettings("closed");
  settings.push_back("HOLDFAST_UP_STATE_DIR=" + state.path().string());
  RunningService running(settings);
  std::ifstream file(state.path() / "setup-link");
  std::string link;
  std::getline(file, link);
  const std::size_t at = link.find("token=");
  ASSERT_NE(at, std::string::npos) << link;
  EXPECT_EQ(running.service->Log().find(link.substr(at)), std::string::npos) << "no log has it";
  Browser boss(running.port);
  EXPECT_TRUE(boss.Send("GET", "/api/me").Json().at("setup_needed").as_bool());
  EXPECT_EQ(boss.Register("eve").Error("reason"), "registration_closed");
  const Response made = BecomeOperator(boss, state.path());
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(boss.Send("PUT", "/api/admin/registration", R"({"mode":"invitation"})").status, 200);
  const Response invited = boss.Send("POST", "/api/admin/invitations", R"({"note":"n","uses":1})");
  ASSERT_EQ(invited.status, 201) << invited.body;

  Browser ada(running.port);
  EXPECT_EQ(ada.Register("ada").Error("reason"), "invitation_required");
  EXPECT_EQ(ada.Send("GET", "/api/admin/accounts").status, 401);
  const std::string with_code =
      fmt::format(R"({{"name":"ada","password":"{}","invitation":"{}"}})", kPassword,
                  std::string(invited.Json().at("code").as_string()));
  ASSERT_EQ(ada.Send("POST", "/api/accounts", with_code).status, 201);
  EXPECT_EQ(ada.Send("GET", "/api/admin/accounts").status, 403);
  const json::Value list = boss.Send("GET", "/api/admin/accounts?query=ada").Json();
  ASSERT_EQ(list.at("accounts").as_array().size(), 1u);
  const std::string id(list.at("accounts").at(0).at("id").as_string());
  Browser phone(running.port);
  phone.SetCookie(ada.cookie());
  ASSERT_EQ(phone
                .Send("POST", "/api/session",
                      fmt::format(R"({{"name":"ada","password":"{}"}})", kPassword))
                .status,
            200);
  EXPECT_EQ(ada.Send("GET", "/api/me/keys").status, 401) << "another log-in took its place";
  ada.SetCookie(phone.cookie());
  EXPECT_EQ(ada.Send("GET", "/api/me/keys").status, 200);
  ASSERT_EQ(boss.Send("POST", "/api/admin/accounts/" + id + "/end-sessions").status, 204);
  EXPECT_EQ(ada.Send("GET", "/api/me/keys").status, 401);
  ASSERT_EQ(ada.Send("POST", "/api/session",
                     fmt::format(R"({{"name":"ada","password":"{}"}})", kPassword))
                .status,
            200);
  const std::string audit_log = ReadAll(state.path() / "audit.log");
  for (const char* kind : {"logged_in", "session_revoked", "invitation_created"}) {
    EXPECT_NE(audit_log.find(kind), std::string::npos) << kind;
  }
  ASSERT_EQ(boss.Send("POST", "/api/admin/accounts/" + id + "/restrict",
                      R"({"reason":"Sent spam.","until":null})")
                .status,
            204);
  const Response paused = ada.Send("GET", "/api/me/keys");
  EXPECT_EQ(paused.status, 403);
  EXPECT_EQ(paused.Error("reason"), "account_paused");
  EXPECT_EQ(paused.Error("message"), "Sent spam.");
  ASSERT_EQ(boss.Send("POST", "/api/admin/accounts/" + id + "/unrestrict", "{}").status, 204);
  EXPECT_EQ(ada.Send("GET", "/api/me/keys").status, 200);
}

// The share of pairs in which the first took longer: 0.5 where time tells nothing. Of two lists of
// equal times and length n, its standard deviation is sqrt((2 n + 1) / (12 n n)).
double ShareLonger(const std::vector<double>& first, const std::vector<double>& second) {
  double longer = 0;
  for (const double a : first) {
    for (const double b : second) longer += a > b ? 1 : a < b ? 0 : 0.5;
  }
  return longer / static_cast<double>(first.size() * second.size());
}

TEST(Accounts, NeitherAnswerNorTimeTellsWhetherAMailAddressHasAnAccount) {
  TempFolder state;
  std::vector<std::string> settings = AccountSettings("email");
  settings.push_back("HOLDFAST_UP_STATE_DIR=" + state.path().string());
  RunningService running(settings);
  Browser boss(running.port);
  ASSERT_EQ(BecomeOperator(boss, state.path()).status, 201);
  // So many sign-ups at once look like an attack; those who are invited are let in all the same.
  const Response invited =
      boss.Send("POST", "/api/admin/invitations", R"({"note":"n","uses":100})");
  ASSERT_EQ(invited.status, 201) << invited.body;
  const std::string code(invited.Json().at("code").as_string());
  const auto sign_up = [&](int number, std::string_view email) {
    return fmt::format(R"({{"name":"person{}","password":"{}","email":"{}","invitation":"{}"}})",
                       number, kPassword, email, code);
  };
  const auto log_in = [](std::string_view email) {
    return fmt::format(R"({{"name":"{}","password":"granite pillow sunday engine"}})", email);
  };
  const auto ask = [](std::string_view email) { return fmt::format(R"({{"email":"{}"}})", email); };
  Browser ada(running.port);
  ASSERT_EQ(ada.Send("POST", "/api/accounts", sign_up(0, "ada@example.org")).status, 202);
  const std::string mail = boss.Send("GET", "/api/admin/outbox").body;
  const std::size_t at = mail.find("token=");
  ASSERT_NE(at, std::string::npos) << mail;
  const std::string token = mail.substr(at + 6, mail.find('\\', at) - at - 6);
  ASSERT_EQ(
      ada.Send("POST", "/api/email-verification", fmt::format(R"({{"token":"{}"}})", token)).status,
      200);

  struct Question {
    std::string_view path;
    std::function<std::string(int number, std::string_view email)> body;
    std::array<std::vector<double>, 2> seconds = {};
  };
  std::array questions{
      Question{"/api/accounts", sign_up},
      Question{"/api/session", [&](int, std::string_view email) { return log_in(email); }},
      Question{"/api/password-reset", [&](int, std::string_view email) { return ask(email); }}};
  constexpr int kRounds = 16;
  for (int round = 1; round <= kRounds; ++round) {
    for (Question& question : questions) {
      // One that has an account, and one that never had.
      const std::array<std::string, 2> emails{
          "ada@example.org", fmt::format("{}{}@example.org", question.path.substr(5, 4), round)};
      std::array<std::string, 2> answers;
      // In turn, since what one left behind may take the other's time.
      const std::size_t first = static_cast<std::size_t>(round) % 2;
      for (const std::size_t i : {first, 1 - first}) {
        Browser stranger(running.port);
        const auto begun = std::chrono::steady_clock::now();
        const Response answer = stranger.Send(
            "POST", question.path, question.body(2 * round + static_cast<int>(i), emails[i]));
        question.seconds[i].push_back(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
        answers[i] = fmt::format("{} {}", answer.status,
                                 answer.status < 300 ? answer.body : answer.Error("reason"));
      }
      EXPECT_EQ(answers[0], answers[1]) << question.path;
    }
  }
  for (const Question& question : questions) {
    const double share = ShareLonger(question.seconds[0], question.seconds[1]);
    // Four standard deviations.
    EXPECT_NEAR(share, 0.5, 0.4) << question.path;
    RecordProperty(std::string(question.path), fmt::format("{:.2f}", share));
  }
}

}  // namespace
}  // namespace holdfast::testing
