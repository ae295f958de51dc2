// Signing up, logging in, losing a password and leaving, on both databases.
#include <gtest/gtest.h>

#include "accounts/testing/with_accounts.h"
#include "crypto/totp.h"

namespace holdfast::accounts {
namespace {

using testing::kNow;
using testing::kPassword;
using testing::ReasonOf;

constexpr const char* kOther = "granite pillow sunday engine";

class ActsTest : public testing::WithAccounts {
 protected:
  ActsTest() : WithAccounts(Options()) {}
  static AccountsOptions Options() {
    AccountsOptions options = testing::TestOptions();
    options.public_url = "https://chat.example";
    return options;
  }

  // What follows "token=" in the last mail to that address; empty: there is none.
  std::string TokenOfLastMail(const std::string& to) {
    const auto mail = accounts_->outbox().List(100);
    for (const Mail& one : *mail) {
      const std::size_t at = one.text.find("token=");
      if (one.to != to || at == std::string::npos) continue;
      return one.text.substr(at + 6, one.text.find('\n', at) - at - 6);
    }
    return "";
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, ActsTest, store::testing::kBoth, store::testing::KindName);

TEST_P(ActsTest, SignsUpLogsInAndLeaves) {
  const auto ada = SignUp("ada");
  ASSERT_TRUE(ada) << ada.error().detail;
  const Identity who = WhoIs(*ada->session);
  EXPECT_EQ(who.account_id, ada->account.id);
  EXPECT_TRUE(ring_->Find(who.account_id));
  EXPECT_EQ(ReasonOf(SignUp("ADA")), Reason::kNameTaken);

  const auto again = accounts_->LogIn("ada", Secret(kPassword), "curl", kNow);
  ASSERT_TRUE(again && again->session);
  EXPECT_EQ(ReasonOf(accounts_->LogIn("ada", Secret("wrong"), "", kNow)),
            Reason::kWrongCredentials);
  EXPECT_EQ(ReasonOf(accounts_->LogIn("nobody", Secret(kPassword), "", kNow)),
            Reason::kWrongCredentials);

  EXPECT_TRUE(accounts_->LogIn("ada", Secret(kPassword), "", kNow + 3'650 * kDayMs))
      << "a password does not grow old";

  EXPECT_EQ(ReasonOf(accounts_->Leave(who, Secret("wrong"), kNow)), Reason::kWrongCredentials);
  ASSERT_TRUE(accounts_->Leave(who, Secret(kPassword), kNow));
  EXPECT_EQ(ring_->Find(who.account_id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ReasonOf(accounts_->sessions().Find(again->session->Reveal(), kNow)),
            Reason::kUnauthenticated);
  EXPECT_EQ(ReasonOf(accounts_->LogIn("ada", Secret(kPassword), "", kNow)),
            Reason::kWrongCredentials);
  EXPECT_TRUE(SignUp("ada")) << "the name is free again";
  const auto summary = audit::Verify(folder() / "audit.log");
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_GE(summary->record_count, 3u);
}

TEST_P(ActsTest, AsksForAGoodPassword) {
  const auto weak = accounts_->SignUp({.name = "ada", .email = {}, .invitation = {}},
                                      Secret("adaadaadaadaada"), "", kNow);
  EXPECT_EQ(ReasonOf(weak), Reason::kWeakPassword);
  EXPECT_EQ(ring_->account_count(), 0u);
}

// A registration with a known mail address ends as any other, but for the mail.
TEST_P(ActsTest, DoesNotTellWhetherAMailAddressHasAnAccount) {
  ASSERT_TRUE(accounts_->registration().SetRules(Mode::kEmail, {}, kNow));
  const auto first = SignUp("ada", "ada@example.org");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->account.state, State::kPendingEmail);
  EXPECT_FALSE(first->session);
  ASSERT_TRUE(accounts_->VerifyEmail(TokenOfLastMail("ada@example.org"), "", kNow));
  const auto second = SignUp("eve", "ADA@example.org");
  ASSERT_TRUE(second) << second.error().detail;
  EXPECT_EQ(second->account.state, State::kPendingEmail);
  EXPECT_FALSE(second->session);
  const auto mail = accounts_->outbox().List(10);
  ASSERT_EQ(mail->size(), 2u);
  EXPECT_NE((*mail)[0].subject, (*mail)[1].subject);
  EXPECT_EQ(ring_->account_count(), 1u) << "no key is left of an account that was not made";
}

TEST_P(ActsTest, WhoLostTheMailRegistersAgain) {
  ASSERT_TRUE(accounts_->registration().SetRules(Mode::kEmail, {}, kNow));
  ASSERT_TRUE(SignUp("ada", "ada@example.org"));
  const std::string lost = TokenOfLastMail("ada@example.org");
  ASSERT_TRUE(SignUp("ada", "ADA@example.org"));
  const std::string token = TokenOfLastMail("ADA@example.org");
  EXPECT_EQ(ReasonOf(accounts_->VerifyEmail(lost, "", kNow)), Reason::kNotFound);
  EXPECT_TRUE(accounts_->VerifyEmail(token, "", kNow));
  EXPECT_EQ(ring_->account_count(), 1u);
}

TEST_P(ActsTest, AMailAddressIsVerifiedByItsLink) {
  ASSERT_TRUE(accounts_->registration().SetRules(Mode::kEmail, {}, kNow));
  ASSERT_TRUE(SignUp("ada", "ada@example.org"));
  const auto early = accounts_->LogIn("ada", Secret(kPassword), "", kNow);
  EXPECT_EQ(ReasonOf(early), Reason::kAccountPaused);
  EXPECT_EQ(ReasonOf(accounts_->LogIn("ada", Secret("wrong"), "", kNow)),
            Reason::kWrongCredentials);
  const std::string token = TokenOfLastMail("ada@example.org");
  const auto verified = accounts_->VerifyEmail(token, "", kNow);
  ASSERT_TRUE(verified && verified->session);
  EXPECT_TRUE(verified->account.is_email_verified);
  EXPECT_EQ(ReasonOf(accounts_->VerifyEmail(token, "", kNow)), Reason::kNotFound);
}

TEST_P(ActsTest, ALostPasswordIsSetAnewByMailAndEndsAllSessions) {
  ASSERT_TRUE(accounts_->registration().SetRules(Mode::kEmail, {}, kNow));
  ASSERT_TRUE(SignUp("ada", "ada@example.org"));
  const auto in = accounts_->VerifyEmail(TokenOfLastMail("ada@example.org"), "", kNow);
  ASSERT_TRUE(in && in->session);
  ASSERT_TRUE(accounts_->AskReset("nobody@example.org", kNow));
  EXPECT_EQ(TokenOfLastMail("nobody@example.org"), "");
  ASSERT_TRUE(accounts_->AskReset("Ada@Example.org", kNow + 1));
  const std::string token = TokenOfLastMail("ada@example.org");
  EXPECT_EQ(ReasonOf(accounts_->Reset(token, Secret("short"), kNow)), Reason::kWeakPassword);
  ASSERT_TRUE(accounts_->Reset(token, Secret(kOther), kNow));
  EXPECT_EQ(ReasonOf(accounts_->Reset(token, Secret(kOther), kNow)), Reason::kNotFound);
  EXPECT_EQ(ReasonOf(accounts_->sessions().Find(in->session->Reveal(), kNow)),
            Reason::kUnauthenticated);
  EXPECT_FALSE(accounts_->LogIn("ada", Secret(kPassword), "", kNow));
  EXPECT_TRUE(accounts_->LogIn("ada@example.org", Secret(kOther), "", kNow));
}

TEST_P(ActsTest, ANewPasswordEndsTheOtherSessions) {
  const auto ada = SignUp("ada");
  const auto elsewhere = accounts_->LogIn("ada", Secret(kPassword), "", kNow);
  const Identity who = WhoIs(*ada->session);
  EXPECT_EQ(ReasonOf(accounts_->ChangePassword(who, Secret("wrong"), Secret(kOther), kNow)),
            Reason::kWrongCredentials);
  ASSERT_TRUE(accounts_->ChangePassword(who, Secret(kPassword), Secret(kOther), kNow));
  EXPECT_TRUE(accounts_->sessions().Find(ada->session->Reveal(), kNow));
  EXPECT_FALSE(accounts_->sessions().Find(elsewhere->session->Reveal(), kNow));
}

TEST_P(ActsTest, AsksForTheSecondFactorThatIsOn) {
  const auto ada = SignUp("ada");
  const auto secret = accounts_->second_factor().Begin(ada->account.id);
  ASSERT_TRUE(accounts_->second_factor().Confirm(ada->account.id,
                                                 crypto::TotpCode(*secret, kNow / 30'000), kNow));
  const auto half = accounts_->LogIn("ada", Secret(kPassword), "", kNow);
  ASSERT_TRUE(half && half->second_factor);
  EXPECT_FALSE(half->session);
  const std::string token(half->second_factor->Reveal());
  EXPECT_EQ(ReasonOf(accounts_->ShowSecondFactor(token, "000000", "", kNow)),
            Reason::kWrongCredentials);
  const TimeMs later = kNow + 30'000;
  const auto in =
      accounts_->ShowSecondFactor(token, crypto::TotpCode(*secret, later / 30'000), "", later);
  ASSERT_TRUE(in && in->session);
  EXPECT_EQ(WhoIs(*in->session).confirmed_at, later);
  EXPECT_EQ(ReasonOf(accounts_->ShowSecondFactor(token, "000000", "", later)), Reason::kNotFound);
}

// Who reads somebody's mail has a new password of theirs, and no session.
TEST_P(ActsTest, AResetDoesNotGetPastTheSecondFactor) {
  ASSERT_TRUE(accounts_->registration().SetRules(Mode::kEmail, {}, kNow));
  ASSERT_TRUE(SignUp("ada", "ada@example.org"));
  const auto in = accounts_->VerifyEmail(TokenOfLastMail("ada@example.org"), "", kNow);
  ASSERT_TRUE(in);
  const auto secret = accounts_->second_factor().Begin(in->account.id);
  ASSERT_TRUE(accounts_->second_factor().Confirm(in->account.id,
                                                 crypto::TotpCode(*secret, kNow / 30'000), kNow));
  ASSERT_TRUE(accounts_->AskReset("ada@example.org", kNow + 1));
  ASSERT_TRUE(accounts_->Reset(TokenOfLastMail("ada@example.org"), Secret(kOther), kNow));
  const auto half = accounts_->LogIn("ada", Secret(kOther), "", kNow);
  ASSERT_TRUE(half);
  EXPECT_FALSE(half->session);
  EXPECT_TRUE(half->second_factor);
}

TEST_P(ActsTest, TheFirstOperatorComesByALinkThatIsGoodOnce) {
  const auto link = accounts_->SetUpLink(kNow);
  ASSERT_TRUE(link);
  ASSERT_TRUE(link->starts_with("https://chat.example/#/setup?token="));
  const std::string token = link->substr(link->find('=') + 1);
  EXPECT_EQ(ReasonOf(accounts_->SetUp("guess", "boss", Secret(kPassword), "", kNow)),
            Reason::kNotFound);
  const auto boss = accounts_->SetUp(token, "boss", Secret(kPassword), "", kNow);
  ASSERT_TRUE(boss) << boss.error().detail;
  EXPECT_TRUE(WhoIs(*boss->session).is_operator());
  EXPECT_EQ(ReasonOf(accounts_->SetUp(token, "eve", Secret(kPassword), "", kNow)),
            Reason::kNotFound);
  EXPECT_EQ(ReasonOf(accounts_->SetUpLink(kNow)), Reason::kConflict);
}

}  // namespace
}  // namespace holdfast::accounts
