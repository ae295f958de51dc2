// Mail of a whole service, by a real SMTP server.
#include <string>

#include <gtest/gtest.h>

#include "api/browser.h"
#include "api/running_service.h"
#include "mail/testing/smtp_server.h"

namespace holdfast::testing {
namespace {

using mail::testing::SmtpServer;

constexpr const char* kRegistration =
    R"({{"name":"ada","email":"ada@example.org","password":"{}"}})";
constexpr std::string_view kNewPassword = "lantern cobalt thicket plume";

std::vector<std::string> MailSettings(int port) {
  std::vector<std::string> settings = AccountSettings("email");
  settings.push_back(fmt::format("HOLDFAST_ACCOUNTS_SMTP_URL=smtp://127.0.0.1:{}", port));
  settings.emplace_back("HOLDFAST_ACCOUNTS_MAIL_FROM=holdfast@chat.example");
  return settings;
}

// What the link in a mail carries; empty: there is none.
std::string TokenIn(const std::string& text) {
  const std::size_t at = text.find("token=");
  if (at == std::string::npos) return {};
  return text.substr(at + 6, text.find_first_of("\r\n", at) - at - 6);
}

int LogIn(int port, std::string_view password) {
  const std::string body = fmt::format(R"({{"name":"ada@example.org","password":"{}"}})", password);
  return Browser(port).Send("POST", "/api/session", body).status;
}

TEST(Mail, ItsLinksVerifyAnAddressAndSetANewPassword) {
  const SmtpServer server;
  RunningService running(MailSettings(server.port()));
  Browser ada(running.port);
  const Response registered =
      ada.Send("POST", "/api/accounts", fmt::format(kRegistration, kPassword));
  ASSERT_EQ(registered.status, 202) << registered.body;
  EXPECT_TRUE(ada.Send("GET", "/api/me").Json().at("account").is_null());
  const std::string verification = TokenIn(server.Field(1, "text"));
  ASSERT_FALSE(verification.empty());
  EXPECT_EQ(server.Field(1, "recipients"), "ada@example.org");
  const std::string verify = fmt::format(R"({{"token":"{}"}})", verification);
  const Response verified = ada.Send("POST", "/api/email-verification", verify);
  ASSERT_EQ(verified.status, 200) << verified.body;
  const json::Value account = ada.Send("GET", "/api/me").Json().at("account");
  ASSERT_TRUE(account.is_object()) << "logged in";
  EXPECT_TRUE(account.at("email_verified").as_bool());
  EXPECT_NE(ada.Send("POST", "/api/email-verification", verify).status, 200) << "good once";

  Browser elsewhere(running.port);
  const std::string ask = R"({"email":"ada@example.org"})";
  ASSERT_EQ(elsewhere.Send("POST", "/api/password-reset", ask).status, 202);
  const std::string reset = TokenIn(server.Field(2, "text"));
  ASSERT_FALSE(reset.empty());
  const std::string confirm =
      fmt::format(R"({{"token":"{}","password":"{}"}})", reset, kNewPassword);
  const Response confirmed = elsewhere.Send("POST", "/api/password-reset/confirm", confirm);
  ASSERT_EQ(confirmed.status, 200) << confirmed.body;
  EXPECT_EQ(LogIn(running.port, kPassword), 401);
  EXPECT_EQ(LogIn(running.port, kNewPassword), 200);
  EXPECT_TRUE(ada.Send("GET", "/api/me").Json().at("account").is_null()) << "all sessions ended";
  for (const std::string_view secret : {std::string_view(verification), std::string_view(reset),
                                        std::string_view("ada@example.org")}) {
    EXPECT_EQ(running.service->Log().find(secret), std::string::npos);
  }
}

TEST(Mail, ArrivesOnceTheMailServerIsThere) {
  int port = 0;
  {
    const SmtpServer gone;
    port = gone.port();
  }
  RunningService running(MailSettings(port));
  Browser ada(running.port);
  ASSERT_EQ(ada.Send("POST", "/api/accounts", fmt::format(kRegistration, kPassword)).status, 202);
  ASSERT_TRUE(running.service->WaitLog("mail waits in the outbox: the mail server is away"));
  const SmtpServer server({}, port);
  EXPECT_EQ(server.Field(1, "recipients"), "ada@example.org");
  EXPECT_TRUE(running.service->WaitLog("mail goes out again"));
}

TEST(Mail, AServiceThatCouldSendNoneDoesNotStart) {
  Service service({"gateway", "--listen", "127.0.0.1:0"},
                  {"HOLDFAST_ACCOUNTS_SMTP_URL=smtp://127.0.0.1:1"});
  EXPECT_TRUE(service.WaitLog("accounts.smtp_url"));
  EXPECT_EQ(service.WaitEnd(), 78) << "EX_CONFIG: starting again would not help";
}

}  // namespace
}  // namespace holdfast::testing
