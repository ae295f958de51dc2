// Mail on its way from a real outbox to a real SMTP server.
#include "server/mail_carrier.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "accounts/migrations.h"
#include "mail/testing/deaf_server.h"
#include "mail/testing/smtp_server.h"
#include "server/wall_clock.h"
#include "store/testing/both_databases.h"

namespace holdfast::server {
namespace {

using accounts::Mail;
using accounts::Outbox;
using accounts::TimeMs;
using mail::testing::DeafServer;
using mail::testing::SmtpServer;

constexpr TimeMs kNow = 1'800'000'000'000;

mail::SmtpOptions To(std::string url) {
  mail::SmtpOptions options;
  options.url = std::move(url);
  options.from = "holdfast@chat.example";
  return options;
}

class MailCarrierTest : public store::testing::BothDatabases {
 protected:
  MailCarrierTest() {
    EXPECT_TRUE(store::Migrate(database(), accounts::kRoom, accounts::Migrations()));
  }

  void Put(std::string_view to, TimeMs now = kNow) {
    EXPECT_TRUE(outbox_.Put(to, "Subject", "Text\n", now));
  }
  Mail Newest() { return outbox_.List(1)->at(0); }
  MailRounds Rounds(std::optional<mail::SmtpOptions> smtp) {
    return MailRounds(outbox_, ledger_, std::move(smtp));
  }

  Outbox outbox_{database()};
  accounts::Ledger ledger_{database(), {}};
};
INSTANTIATE_TEST_SUITE_P(Stores, MailCarrierTest, store::testing::kBoth, store::testing::KindName);

TEST_P(MailCarrierTest, WhatIsSentIsMarkedAndNotSentAgain) {
  const SmtpServer server;
  Put("ada@example.org");
  MailRounds rounds = Rounds(To(server.Url()));
  EXPECT_EQ(rounds.Run(kNow, {}), MailRounds::kRoundWaitMin);
  EXPECT_EQ(server.Field(1, "recipients"), "ada@example.org");
  EXPECT_EQ(Newest().sent_at, kNow);
  EXPECT_EQ(Newest().text, "");
  rounds.Run(kNow, {});
  EXPECT_FALSE(server.HasMail(2));
}

TEST_P(MailCarrierTest, ARefusedMailIsMarkedWithoutAnAddressAndTheOthersGoOn) {
  const SmtpServer server({"--refuse", "nobody@example.org"});
  Put("nobody@example.org", kNow - 1);
  Put("ada@example.org");
  MailRounds rounds = Rounds(To(server.Url()));
  EXPECT_EQ(rounds.Run(kNow, {}), MailRounds::kRoundWaitMin);
  EXPECT_TRUE(server.HasMail(1));
  const Mail refused = outbox_.List(2)->at(1);
  EXPECT_EQ(refused.attempts, 1);
  EXPECT_EQ(refused.error, "refused: 550");
}

TEST_P(MailCarrierTest, AServerThatIsAwayCostsNoAttemptAndIsAskedLessOften) {
  int port = 0;
  {
    const SmtpServer gone;
    port = gone.port();
  }
  Put("ada@example.org");
  MailRounds rounds = Rounds(To(fmt::format("smtp://127.0.0.1:{}", port)));
  std::chrono::milliseconds last = MailRounds::kRoundWaitMin;
  for (int i = 0; i < 8; ++i) {
    const std::chrono::milliseconds wait = rounds.Run(kNow, {});
    EXPECT_EQ(wait, std::min(2 * last, MailRounds::kRoundWaitMax));
    last = wait;
  }
  EXPECT_EQ(last, MailRounds::kRoundWaitMax);
  EXPECT_EQ(Newest().attempts, 0);
  const SmtpServer back({}, port);
  EXPECT_EQ(rounds.Run(kNow, {}), MailRounds::kRoundWaitMin);
  EXPECT_TRUE(back.HasMail(1));
}

TEST_P(MailCarrierTest, ARefusedLoginCostsNoAttemptAndIsTriedLessOften) {
  const SmtpServer server({"--user", "holdfast", "--password", "right"});
  Put("ada@example.org");
  Put("eve@example.org");
  mail::SmtpOptions options = To(server.Url());
  options.user = "holdfast";
  options.password = Secret("wrong");
  MailRounds rounds = Rounds(std::move(options));
  EXPECT_GT(rounds.Run(kNow, {}), MailRounds::kRoundWaitMin);
  for (const Mail& mail : *outbox_.List(2)) EXPECT_EQ(mail.attempts, 0);
}

TEST_P(MailCarrierTest, ARoundHasALimit) {
  const SmtpServer server;
  const int count = static_cast<int>(MailRounds::kMailsARoundMax) + 1;
  for (int i = 0; i < count; ++i) Put(fmt::format("person{}@example.org", i));
  MailRounds rounds = Rounds(To(server.Url()));
  rounds.Run(kNow, {});
  EXPECT_TRUE(server.HasMail(count - 1));
  EXPECT_FALSE(server.HasMail(count));
  rounds.Run(kNow, {});
  EXPECT_TRUE(server.HasMail(count));
}

TEST_P(MailCarrierTest, OldMailIsClearedAwayOnceAnHourWithOrWithoutAServer) {
  Put("ada@example.org", kNow - Outbox::kKept - 1);
  MailRounds rounds = Rounds({});
  rounds.Run(kNow, {});
  EXPECT_TRUE(outbox_.List(1)->empty());
  Put("ada@example.org", kNow - Outbox::kKept - 1);
  rounds.Run(kNow + MailRounds::kPruneWaitMs - 1, {});
  EXPECT_EQ(outbox_.List(1)->size(), 1u);
  rounds.Run(kNow + MailRounds::kPruneWaitMs, {});
  EXPECT_TRUE(outbox_.List(1)->empty());
}

TEST_P(MailCarrierTest, TheThreadSendsWhatComesAndStops) {
  const SmtpServer server;
  MailCarrier carrier(outbox_, ledger_, To(server.Url()));
  Put("ada@example.org", WallClockMs());
  EXPECT_EQ(server.Field(1, "recipients"), "ada@example.org");
  carrier.Stop();
  carrier.Stop();
  Put("eve@example.org", WallClockMs());
  EXPECT_FALSE(server.HasMail(2));
}

TEST_P(MailCarrierTest, StopsAtOnceWhileAServerKeepsItWaiting) {
  const DeafServer server;
  Put("ada@example.org", WallClockMs());
  const auto begin = std::chrono::steady_clock::now();
  MailCarrier carrier(outbox_, ledger_, To(server.Url()));
  const int guest = server.Accept();
  carrier.Stop();
  ::close(guest);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, mail::SmtpOptions().connect_time_max);
  EXPECT_EQ(Newest().attempts, 0);
  EXPECT_EQ(Newest().sent_at, std::nullopt);
}

TEST(MailServer, IsReadFromTheSettingsAndSaysWhatIsMissing) {
  AccountsConfig config;
  ASSERT_TRUE(ReadMailServer(config));
  EXPECT_FALSE(ReadMailServer(config)->has_value());
  config.smtp_url = "smtp://mail.example:587";
  EXPECT_EQ(ReadMailServer(config).error().code, ErrorCode::kInvalidArgument) << "no mail_from";
  config.mail_from = "holdfast@chat.example";
  EXPECT_TRUE(ReadMailServer(config));
  config.smtp_user = "holdfast";
  EXPECT_EQ(ReadMailServer(config).error().code, ErrorCode::kInvalidArgument) << "no password";
  config.smtp_password_file = "/no/such/file";
  EXPECT_EQ(ReadMailServer(config).error().code, ErrorCode::kNotFound);
  const std::filesystem::path file = fmt::format("/tmp/holdfast-mail-password-{}", ::getpid());
  std::ofstream(file) << "otter kettle\n";
  config.smtp_password_file = file;
  const auto read = ReadMailServer(config);
  ASSERT_TRUE(read && *read);
  EXPECT_TRUE((*read)->password.Equals("otter kettle"));
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace holdfast::server
