// People whom a provider vouches for: signing up, logging in, linking and leaving, on both
// databases.
#include <gtest/gtest.h>

#include "accounts/links.h"
#include "accounts/testing/with_accounts.h"
#include "crypto/totp.h"

namespace holdfast::accounts {
namespace {

using testing::kNow;
using testing::kPassword;
using testing::ReasonOf;

constexpr const char* kIssuer = "https://id.example";

class ProviderActsTest : public testing::WithAccounts {
 protected:
  static ProviderPerson Person(const std::string& subject, std::optional<std::string> email = {},
                               const std::string& issuer = kIssuer) {
    return {{issuer, subject}, "school", std::move(email)};
  }
  Outcome<SignedUp> SignUpFrom(const ProviderPerson& person, const std::string& name,
                               const std::string& invitation = "") {
    return accounts_->SignUpFrom(person, name, invitation, {}, "Firefox", kNow);
  }
  void SetMode(Mode mode, const std::vector<std::string>& domains = {}) {
    const auto set = accounts_->registration().SetRules(mode, domains, kNow);
    EXPECT_TRUE(set) << set.error().detail;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, ProviderActsTest, store::testing::kBoth, store::testing::KindName);

TEST_P(ProviderActsTest, SignsUpOnceAndComesBackAsTheSame) {
  const ProviderPerson ada = Person("1");
  const auto stranger = accounts_->LogInFrom(ada, "Firefox", kNow);
  ASSERT_TRUE(stranger);
  EXPECT_FALSE(*stranger);

  const auto made = SignUpFrom(ada, "ada");
  ASSERT_TRUE(made) << made.error().detail;
  ASSERT_TRUE(made->session);
  EXPECT_FALSE(made->account.has_password);
  EXPECT_TRUE(ring_->Find(made->account.id)) << "its conversations have a key";
  EXPECT_EQ(ReasonOf(SignUpFrom(ada, "ada2")), Reason::kConflict);

  const auto back = accounts_->LogInFrom(ada, "curl", kNow + 1);
  ASSERT_TRUE(back && *back && (*back)->session);
  EXPECT_EQ((*back)->account.id, made->account.id);
  EXPECT_EQ(accounts_->identities().List(made->account.id)->at(0).last_used_at, kNow + 1);
  for (const ProviderPerson& other : {Person("2"), Person("1", {}, "https://id.other.example")}) {
    EXPECT_FALSE(*accounts_->LogInFrom(other, "curl", kNow)) << other.identity.issuer;
  }
  EXPECT_EQ(ReasonOf(accounts_->LogIn("ada", Secret(""), "curl", kNow)), Reason::kWrongCredentials)
      << "no password is none, and not the empty one";
  EXPECT_EQ(ReasonOf(SignUpFrom(Person("3"), "ADA")), Reason::kNameTaken);
  EXPECT_FALSE(*accounts_->LogInFrom(Person("3"), "curl", kNow)) << "nothing was linked";
}

TEST_P(ProviderActsTest, EachModeOfRegistrationHolds) {
  const auto invited = accounts_->invitations().Make("", 1, std::nullopt, kNow);
  ASSERT_TRUE(invited);
  const std::string code(invited->code.Reveal());
  struct Case {
    const char* name;
    Mode mode;
    std::optional<std::string> email;
    std::string invitation;
    std::optional<Reason> refusal;
    State state = State::kActive;
    bool keeps_email = false;
  };
  const Case kCases[] = {
      {"open", Mode::kOpen, "a@school.example", "", {}},
      {"email", Mode::kEmail, "b@school.example", "", {}, State::kActive, true},
      {"email-none", Mode::kEmail, {}, "", Reason::kRegistrationClosed},
      {"domain", Mode::kDomains, "c@school.example", "", {}, State::kActive, true},
      {"domain-other", Mode::kDomains, "c@evil.example", "", Reason::kRegistrationClosed},
      {"domain-sub", Mode::kDomains, "c@x.school.example", "", Reason::kRegistrationClosed},
      {"domain-none", Mode::kDomains, {}, "", Reason::kRegistrationClosed},
      {"invited-not", Mode::kInvitation, {}, "", Reason::kInvitationRequired},
      {"invited-bad", Mode::kInvitation, {}, "x", Reason::kInvitationRequired},
      {"invited", Mode::kInvitation, {}, code, {}},
      {"invited-twice", Mode::kInvitation, {}, code, Reason::kInvitationRequired},
      {"approved", Mode::kApproval, {}, "", {}, State::kPendingApproval},
      {"closed", Mode::kClosed, "d@school.example", "", Reason::kRegistrationClosed},
      {"closed-invited", Mode::kClosed, {}, code, Reason::kRegistrationClosed},
  };
  for (const Case& each : kCases) {
    SetMode(each.mode, {"school.example"});
    const auto made = SignUpFrom(Person(each.name, each.email), each.name, each.invitation);
    if (each.refusal) {
      EXPECT_EQ(ReasonOf(made), *each.refusal) << each.name;
      continue;
    }
    ASSERT_TRUE(made) << each.name << ": " << made.error().detail;
    EXPECT_EQ(made->account.state, each.state) << each.name;
    EXPECT_EQ(made->session.has_value(), each.state == State::kActive) << each.name;
    EXPECT_EQ(made->account.email.has_value(), each.keeps_email) << each.name;
    EXPECT_EQ(made->account.is_email_verified, each.keeps_email) << each.name;
  }
  EXPECT_EQ(ReasonOf(accounts_->LogInFrom(Person("approved"), "", kNow)), Reason::kAccountPaused);
  SetMode(Mode::kClosed);
  EXPECT_TRUE((*accounts_->LogInFrom(Person("open"), "", kNow))->session)
      << "who has an account notices nothing";
}

TEST_P(ProviderActsTest, NeverJoinsAnAccountByItsMailAddress) {
  SetMode(Mode::kEmail);
  const auto ada = SignUp("ada", "ada@school.example");
  ASSERT_TRUE(ada);
  ASSERT_TRUE(accounts_->people().VerifyEmail(ada->account.id, kNow));
  EXPECT_EQ(ReasonOf(SignUpFrom(Person("1", "ADA@school.example"), "eve")), Reason::kConflict);
  EXPECT_FALSE(*accounts_->LogInFrom(Person("1", "ada@school.example"), "", kNow));
  EXPECT_TRUE(accounts_->identities().List(ada->account.id)->empty());
  SetMode(Mode::kOpen);
  const auto eve = SignUpFrom(Person("1", "ada@school.example"), "eve");
  ASSERT_TRUE(eve) << "without addresses, one is none of ours";
  EXPECT_NE(eve->account.id, ada->account.id);
}

TEST_P(ProviderActsTest, AnAccountThatNeverConfirmedItsAddressKeepsNobodyOut) {
  SetMode(Mode::kEmail);
  const auto squatter = SignUp("squatter", "ada@school.example");
  ASSERT_TRUE(squatter);
  const auto ada = SignUpFrom(Person("1", "ada@school.example"), "ada");
  ASSERT_TRUE(ada) << ada.error().detail;
  EXPECT_TRUE(ada->session);
  EXPECT_FALSE(*accounts_->people().Find(squatter->account.id));
}

TEST_P(ProviderActsTest, LinksToOneAccountAlone) {
  const auto ada = SignUp("ada");
  const auto eve = SignUp("eve");
  const Identity who = WhoIs(*ada->session);
  const Identity other = WhoIs(*eve->session);
  ASSERT_TRUE(accounts_->LinkIdentity(who, Person("1"), kNow));
  EXPECT_EQ(ReasonOf(accounts_->LinkIdentity(other, Person("1"), kNow)), Reason::kConflict);
  EXPECT_EQ(ReasonOf(accounts_->LinkIdentity(who, Person("2"), kNow)), Reason::kConflict)
      << "one of each provider";
  EXPECT_EQ((*accounts_->LogInFrom(Person("1"), "", kNow))->account.id, who.account_id);
  EXPECT_EQ(ReasonOf(accounts_->UnlinkIdentity(other, kIssuer, "school")), Reason::kNotFound);
  ASSERT_TRUE(accounts_->UnlinkIdentity(who, kIssuer, "school"));
  EXPECT_FALSE(*accounts_->LogInFrom(Person("1"), "", kNow));
  EXPECT_EQ(ReasonOf(accounts_->UnlinkIdentity(who, kIssuer, "school")), Reason::kNotFound);
  ASSERT_TRUE(accounts_->LinkIdentity(other, Person("1"), kNow)) << "it is free again";
}

TEST_P(ProviderActsTest, TheLastWayInStays) {
  const auto ada = SignUpFrom(Person("1"), "ada");
  const Identity who = WhoIs(*ada->session);
  EXPECT_EQ(ReasonOf(accounts_->UnlinkIdentity(who, kIssuer, "school")), Reason::kConflict);
  ASSERT_TRUE(accounts_->LinkIdentity(who, Person("1", {}, "https://id.other.example"), kNow));
  ASSERT_TRUE(accounts_->UnlinkIdentity(who, kIssuer, "school"));
  EXPECT_EQ(ReasonOf(accounts_->UnlinkIdentity(who, "https://id.other.example", "other")),
            Reason::kConflict);
}

TEST_P(ProviderActsTest, AFreshLogInStandsForAPasswordThatIsNotThere) {
  const auto ada = SignUpFrom(Person("1"), "ada");
  Identity who = WhoIs(*ada->session);
  const Secret none{std::string()};
  EXPECT_EQ(ReasonOf(accounts_->CheckOwner(who, none, kNow)), Reason::kSecondFactorRequired);
  EXPECT_EQ(ReasonOf(accounts_->Leave(who, none, kNow)), Reason::kSecondFactorRequired);
  EXPECT_EQ(ReasonOf(accounts_->ConfirmLogin(who, Person("2"), kNow)), Reason::kWrongCredentials);
  ASSERT_TRUE(SignUpFrom(Person("2"), "eve"));
  EXPECT_EQ(ReasonOf(accounts_->ConfirmLogin(who, Person("2"), kNow)), Reason::kWrongCredentials)
      << "somebody else's log-in";
  ASSERT_TRUE(accounts_->ConfirmLogin(who, Person("1"), kNow));
  EXPECT_EQ(ReasonOf(accounts_->CheckOwner(who, none, kNow)), Reason::kSecondFactorRequired)
      << "as the session was when it was looked up";
  who = WhoIs(*ada->session);
  EXPECT_TRUE(accounts_->CheckOwner(who, none, kNow + kFreshLoginMs - 1));
  EXPECT_EQ(ReasonOf(accounts_->CheckOwner(who, none, kNow + kFreshLoginMs)),
            Reason::kSecondFactorRequired);
  ASSERT_TRUE(accounts_->ChangePassword(who, none, Secret(kPassword), kNow));
  EXPECT_EQ(ReasonOf(accounts_->CheckOwner(who, none, kNow)), Reason::kWrongCredentials)
      << "from now on it is the password";
  ASSERT_TRUE(accounts_->UnlinkIdentity(who, kIssuer, "school")) << "which is a way in";
  ASSERT_TRUE(accounts_->Leave(who, Secret(kPassword), kNow));
}

TEST_P(ProviderActsTest, WhoLeavesTakesTheLinkAlong) {
  const auto ada = SignUpFrom(Person("1"), "ada");
  ASSERT_TRUE(accounts_->ConfirmLogin(WhoIs(*ada->session), Person("1"), kNow));
  ASSERT_TRUE(accounts_->Leave(WhoIs(*ada->session), Secret(std::string()), kNow));
  EXPECT_FALSE(*accounts_->LogInFrom(Person("1"), "", kNow));
  EXPECT_TRUE(SignUpFrom(Person("1"), "ada"));
  EXPECT_TRUE(audit::Verify(folder() / "audit.log"));
}

TEST_P(ProviderActsTest, ARestrictionAndASecondFactorHoldForThemToo) {
  const auto ada = SignUpFrom(Person("1"), "ada");
  const Identity who = WhoIs(*ada->session);
  const auto key = accounts_->second_factor().Begin(who.account_id);
  ASSERT_TRUE(key);
  const std::string code =
      crypto::TotpCode(*key, std::chrono::seconds(kNow / 1000) / crypto::kTotpStep);
  ASSERT_TRUE(accounts_->second_factor().Confirm(who.account_id, code, kNow));
  const auto in = accounts_->LogInFrom(Person("1"), "", kNow);
  ASSERT_TRUE(in && *in);
  EXPECT_FALSE((*in)->session);
  EXPECT_TRUE((*in)->second_factor);
  ASSERT_TRUE(accounts_->people().Restrict(who.account_id, {"until Monday", kNow + 1}));
  const auto paused = accounts_->LogInFrom(Person("1"), "", kNow);
  EXPECT_EQ(ReasonOf(paused), Reason::kAccountPaused);
  EXPECT_EQ(paused.error().detail, "until Monday");
}

}  // namespace
}  // namespace holdfast::accounts
