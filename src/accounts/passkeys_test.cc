// Passkeys, from the challenge to the session, and who counts as having shown who they are, on both
// databases.
#include <gtest/gtest.h>

#include "accounts/testing/with_accounts.h"
#include "crypto/encoding.h"
#include "crypto/test_authenticator.h"
#include "crypto/totp.h"

namespace holdfast::accounts {
namespace {

using crypto::PasskeyAlgorithm;
using crypto::TestAuthenticator;
using testing::kNow;
using testing::kPassword;
using testing::ReasonOf;

constexpr const char* kOrigin = "https://chat.example";

class PasskeysTest : public testing::WithAccounts {
 protected:
  PasskeysTest() : WithAccounts(Options()) {
    who_ = Join("ada");
    authenticator_.user_handle = who_.account_id;
  }
  static AccountsOptions Options() {
    AccountsOptions options = testing::TestOptions();
    options.public_url = kOrigin;
    options.is_public_url_set = true;
    return options;
  }

  Identity Join(const std::string& name) {
    const auto made = SignUp(name);
    EXPECT_TRUE(made) << made.error().detail;
    return WhoIs(*made->session);
  }
  // As the session stands now.
  Identity Again(const Identity& who) {
    Identity again = who;
    const auto row = database().Read([&](store::Transaction& t) {
      return t.QueryOne("SELECT second_factor_at FROM sessions WHERE id = :id", {who.session_id});
    });
    again.confirmed_at = (*row)->Number(0);
    return again;
  }

  std::string EnrolChallenge(const Identity& who, TimeMs now = kNow) {
    return accounts_->passkey_desk().Challenge(
        {PasskeyPurpose::kEnrol, who.session_id, who.account_id}, now);
  }
  std::string ConfirmChallenge(const Identity& who, TimeMs now = kNow) {
    return accounts_->passkey_desk().Challenge(
        {PasskeyPurpose::kConfirm, who.session_id, who.account_id}, now);
  }
  std::string LogInChallenge() { return accounts_->passkey_desk().Challenge({}, kNow); }

  static PasskeyRegistration RegistrationOf(const TestAuthenticator& authenticator,
                                            std::string_view challenge,
                                            std::string_view origin = kOrigin,
                                            std::string_view type = "webauthn.create") {
    return {TestAuthenticator::ClientData(type, challenge, origin), authenticator.Attestation()};
  }
  static PasskeyAnswer AnswerOf(const TestAuthenticator& authenticator, std::string_view challenge,
                                std::string_view origin = kOrigin,
                                std::string_view type = "webauthn.get") {
    PasskeyAnswer answer;
    answer.credential_id = authenticator.id;
    answer.client_data = TestAuthenticator::ClientData(type, challenge, origin);
    answer.authenticator_data = authenticator.AssertionData();
    answer.signature = authenticator.Sign(answer.authenticator_data, answer.client_data);
    answer.user_handle = authenticator.user_handle;
    return answer;
  }

  Outcome<PasskeyInfo> Add(const Identity& who, const TestAuthenticator& authenticator,
                           const std::string& name = "Phone") {
    return accounts_->AddPasskey(who, name, RegistrationOf(authenticator, EnrolChallenge(who)),
                                 kParty, kNow);
  }
  Outcome<LoggedIn> LogIn(const PasskeyAnswer& answer, TimeMs now = kNow) {
    return accounts_->LogInWithPasskey(answer, kParty, "Safari", now);
  }
  Outcome<void> Confirm(const Identity& who, const Proof& proof, TimeMs now = kNow) {
    return accounts_->Confirm(who, proof, kParty, now);
  }

  const RelyingParty kParty{"chat.example", kOrigin};
  Identity who_;
  TestAuthenticator authenticator_{PasskeyAlgorithm::kEs256, "chat.example"};
};
INSTANTIATE_TEST_SUITE_P(Stores, PasskeysTest, store::testing::kBoth, store::testing::KindName);

TEST_P(PasskeysTest, APasskeyAloneLogsIn) {
  for (const auto algorithm :
       {PasskeyAlgorithm::kEs256, PasskeyAlgorithm::kEdDsa, PasskeyAlgorithm::kRs256}) {
    TestAuthenticator authenticator(algorithm, "chat.example");
    authenticator.user_handle = who_.account_id;
    const auto added = Add(who_, authenticator);
    ASSERT_TRUE(added) << added.error().detail;
    const auto in = LogIn(AnswerOf(authenticator, LogInChallenge()), kNow + 5);
    ASSERT_TRUE(in && in->session) << in.error().detail;
    EXPECT_EQ(in->account.id, who_.account_id);
    EXPECT_EQ(WhoIs(*in->session, kNow + 5).confirmed_at, kNow + 5) << "it is both factors";
  }
  const auto list = accounts_->passkey_desk().passkeys().List(who_.account_id);
  ASSERT_EQ(list->size(), 3u);
  EXPECT_EQ((*list)[0].last_used_at, kNow + 5);
}

TEST_P(PasskeysTest, AnAppIsNotAskedForBesideAPasskey) {
  const auto secret = accounts_->second_factor().Begin(who_.account_id);
  ASSERT_TRUE(accounts_->second_factor().Confirm(who_.account_id,
                                                 crypto::TotpCode(*secret, kNow / 30'000), kNow));
  ASSERT_TRUE(Add(who_, authenticator_));
  const auto in = LogIn(AnswerOf(authenticator_, LogInChallenge()));
  ASSERT_TRUE(in);
  EXPECT_TRUE(in->session);
}

TEST_P(PasskeysTest, ARegistrationIsTakenForItsChallengeOriginAndActAlone) {
  const Identity eve = Join("eve");
  const auto add = [&](const PasskeyRegistration& registration, TimeMs now = kNow) {
    return accounts_->AddPasskey(who_, "Phone", registration, kParty, now);
  };
  const std::string challenge = EnrolChallenge(who_);
  const struct {
    const char* about;
    PasskeyRegistration registration;
    TimeMs now = kNow;
  } cases[] = {
      {"another session's challenge", RegistrationOf(authenticator_, EnrolChallenge(eve))},
      {"a challenge to log in", RegistrationOf(authenticator_, LogInChallenge())},
      {"a challenge to confirm", RegistrationOf(authenticator_, ConfirmChallenge(who_))},
      {"a challenge of nobody", RegistrationOf(authenticator_, crypto::RandomToken(32))},
      {"no challenge", RegistrationOf(authenticator_, "")},
      {"a challenge too old", RegistrationOf(authenticator_, challenge),
       kNow + PasskeyChallenges::kLifeMs},
      {"another origin", RegistrationOf(authenticator_, challenge, "https://evil.example")},
      {"another port", RegistrationOf(authenticator_, challenge, "https://chat.example:8443")},
      {"no HTTPS", RegistrationOf(authenticator_, challenge, "http://chat.example")},
      {"a host below", RegistrationOf(authenticator_, challenge, "https://a.chat.example")},
      {"another act", RegistrationOf(authenticator_, challenge, kOrigin, "webauthn.get")},
      {"no client data", {"", authenticator_.Attestation()}},
      {"no attestation",
       {TestAuthenticator::ClientData("webauthn.create", challenge, kOrigin), ""}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ReasonOf(add(c.registration, c.now)), Reason::kBadRequest) << c.about;
  }
  const PasskeyRegistration good = RegistrationOf(authenticator_, challenge);
  EXPECT_TRUE(add(good, kNow + PasskeyChallenges::kLifeMs - 1));
  EXPECT_EQ(ReasonOf(add(good)), Reason::kBadRequest) << "it was sent before";
}

TEST_P(PasskeysTest, ALogInIsTakenForItsChallengeOriginAndActAlone) {
  ASSERT_TRUE(Add(who_, authenticator_));
  const std::string challenge = LogInChallenge();
  const TestAuthenticator stranger(PasskeyAlgorithm::kEs256, "chat.example");
  PasskeyAnswer mixed = AnswerOf(stranger, challenge);
  mixed.credential_id = authenticator_.id;
  PasskeyAnswer nobodys = AnswerOf(authenticator_, challenge);
  nobodys.user_handle.clear();
  PasskeyAnswer anothers = AnswerOf(authenticator_, challenge);
  anothers.user_handle = Join("eve").account_id;
  const struct {
    const char* about;
    PasskeyAnswer answer;
    TimeMs now = kNow;
  } cases[] = {
      {"a challenge to confirm", AnswerOf(authenticator_, ConfirmChallenge(who_))},
      {"a challenge to enrol", AnswerOf(authenticator_, EnrolChallenge(who_))},
      {"a challenge of nobody", AnswerOf(authenticator_, crypto::RandomToken(32))},
      {"a challenge too old", AnswerOf(authenticator_, challenge),
       kNow + PasskeyChallenges::kLifeMs},
      {"another origin", AnswerOf(authenticator_, challenge, "https://evil.example")},
      {"another act", AnswerOf(authenticator_, challenge, kOrigin, "webauthn.create")},
      {"a passkey that is not known", AnswerOf(stranger, challenge)},
      {"another passkey's signature", mixed},
      {"nobody's", nobodys},
      {"another account's", anothers},
      {"nothing", {}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ReasonOf(LogIn(c.answer, c.now)), Reason::kWrongCredentials) << c.about;
  }
  const PasskeyAnswer good = AnswerOf(authenticator_, challenge);
  EXPECT_TRUE(LogIn(good));
  EXPECT_EQ(ReasonOf(LogIn(good)), Reason::kWrongCredentials) << "it was sent before";
}

TEST_P(PasskeysTest, ACounterThatDoesNotGoUpIsRefused) {
  authenticator_.sign_count = 5;
  ASSERT_TRUE(Add(who_, authenticator_));
  const struct {
    std::uint32_t count;
    bool is_taken;
  } cases[] = {{5, false}, {4, false}, {0, false}, {6, true},          {6, false},
               {9, true},  {8, false}, {0, false}, {0xffffffff, true}, {10, false}};
  for (const auto& c : cases) {
    authenticator_.sign_count = c.count;
    EXPECT_EQ(LogIn(AnswerOf(authenticator_, LogInChallenge())).has_value(), c.is_taken) << c.count;
  }
}

TEST_P(PasskeysTest, APasskeyThatBeginsToBeSyncedIsNotTheSame) {
  ASSERT_TRUE(Add(who_, authenticator_));
  authenticator_.flags |= TestAuthenticator::kMayBeSynced;
  EXPECT_EQ(ReasonOf(LogIn(AnswerOf(authenticator_, LogInChallenge()))), Reason::kWrongCredentials);
}

TEST_P(PasskeysTest, WhoIsRestrictedHearsItOfARightPasskeyAlone) {
  ASSERT_TRUE(Add(who_, authenticator_));
  ASSERT_TRUE(accounts_->people().Restrict(who_.account_id, {"Sent spam.", std::nullopt}));
  const auto paused = LogIn(AnswerOf(authenticator_, LogInChallenge()));
  EXPECT_EQ(ReasonOf(paused), Reason::kAccountPaused);
  EXPECT_EQ(paused.error().detail, "Sent spam.");
  const auto wrong = LogIn(AnswerOf(authenticator_, "guess"));
  EXPECT_EQ(ReasonOf(wrong), Reason::kWrongCredentials);
}

TEST_P(PasskeysTest, AnAccountHasItsPasskeysUpToALimitAndEachOnce) {
  for (std::size_t i = 0; i < kPasskeysMax; ++i) {
    const TestAuthenticator one(PasskeyAlgorithm::kEdDsa, "chat.example");
    ASSERT_TRUE(Add(who_, one)) << i;
  }
  EXPECT_EQ(ReasonOf(Add(who_, authenticator_)), Reason::kConflict);
  const Identity eve = Join("eve");
  ASSERT_TRUE(Add(eve, authenticator_));
  EXPECT_EQ(ReasonOf(Add(eve, authenticator_)), Reason::kConflict);
  EXPECT_EQ(accounts_->passkey_desk().passkeys().CountOf(who_.account_id), kPasskeysMax);
}

TEST_P(PasskeysTest, AreRenamedAndRemovedByTheirOwnerAlone) {
  const auto added = Add(who_, authenticator_);
  ASSERT_TRUE(added);
  const Identity eve = Join("eve");
  Passkeys& passkeys = accounts_->passkey_desk().passkeys();
  EXPECT_EQ(ReasonOf(passkeys.Rename(eve.account_id, added->id, "Mine")), Reason::kNotFound);
  EXPECT_EQ(ReasonOf(accounts_->RemovePasskey(eve, added->id)), Reason::kNotFound);
  for (const std::string& name : {std::string(), std::string(kPasskeyNameBytesMax + 1, 'n')}) {
    EXPECT_EQ(ReasonOf(passkeys.Rename(who_.account_id, added->id, name)), Reason::kBadRequest);
    EXPECT_EQ(
        ReasonOf(Add(who_, TestAuthenticator(PasskeyAlgorithm::kEs256, "chat.example"), name)),
        Reason::kBadRequest);
  }
  ASSERT_TRUE(passkeys.Rename(who_.account_id, added->id, "Old phone"));
  EXPECT_EQ(passkeys.List(who_.account_id)->at(0).name, "Old phone");
  ASSERT_TRUE(accounts_->RemovePasskey(who_, added->id));
  EXPECT_EQ(ReasonOf(LogIn(AnswerOf(authenticator_, LogInChallenge()))), Reason::kWrongCredentials);
  EXPECT_EQ(ReasonOf(accounts_->RemovePasskey(who_, added->id)), Reason::kNotFound);
}

TEST_P(PasskeysTest, AddingAndRemovingAreWrittenDown) {
  const auto count = [&] { return audit::Verify(folder() / "audit.log")->record_count; };
  const auto before = count();
  const auto added = Add(who_, authenticator_);
  ASSERT_TRUE(added);
  EXPECT_EQ(count(), before + 1);
  ASSERT_TRUE(accounts_->RemovePasskey(who_, added->id));
  EXPECT_EQ(count(), before + 2);
}

TEST_P(PasskeysTest, GoWithTheirAccount) {
  ASSERT_TRUE(Add(who_, authenticator_));
  ASSERT_TRUE(accounts_->Leave(who_, Secret(kPassword), kNow));
  EXPECT_EQ(ReasonOf(LogIn(AnswerOf(authenticator_, LogInChallenge()))), Reason::kWrongCredentials);
}

TEST_P(PasskeysTest, AfterAWhileThePasswordIsAskedForWhereThereIsNothingMore) {
  EXPECT_TRUE(accounts_->CheckFresh(who_, kNow + kFreshMs - 1));
  const TimeMs later = kNow + kFreshMs;
  const auto stale = accounts_->CheckFresh(who_, later);
  EXPECT_EQ(ReasonOf(stale), Reason::kSecondFactorRequired);
  EXPECT_EQ(stale.error().detail, "Type your password again for this.");
  EXPECT_EQ(
      ReasonOf(Confirm(who_, {.password = Secret("wrong"), .code = {}, .passkey = {}}, later)),
      Reason::kWrongCredentials);
  EXPECT_EQ(ReasonOf(Confirm(who_, {}, later)), Reason::kBadRequest);
  EXPECT_EQ(ReasonOf(accounts_->CheckFresh(Again(who_), later)), Reason::kSecondFactorRequired);
  ASSERT_TRUE(Confirm(who_, {.password = Secret(kPassword), .code = {}, .passkey = {}}, later));
  EXPECT_TRUE(accounts_->CheckFresh(Again(who_), later + kFreshMs - 1));
  EXPECT_FALSE(accounts_->CheckFresh(Again(who_), later + kFreshMs));
}

TEST_P(PasskeysTest, WhereThereIsAnAppThePasswordConfirmsNothing) {
  const auto secret = accounts_->second_factor().Begin(who_.account_id);
  ASSERT_TRUE(accounts_->second_factor().Confirm(who_.account_id,
                                                 crypto::TotpCode(*secret, kNow / 30'000), kNow));
  const TimeMs later = kNow + kFreshMs;
  EXPECT_EQ(accounts_->CheckFresh(who_, later).error().detail,
            "Show a code of your authenticator app again for this.");
  const Proof password{.password = Secret(kPassword), .code = {}, .passkey = {}};
  EXPECT_EQ(ReasonOf(Confirm(who_, password, later)), Reason::kSecondFactorRequired);
  const Proof wrong{.password = {}, .code = "000000", .passkey = {}};
  EXPECT_EQ(ReasonOf(Confirm(who_, wrong, later)), Reason::kWrongCredentials);
  const Proof code{
      .password = {}, .code = crypto::TotpCode(*secret, later / 30'000), .passkey = {}};
  ASSERT_TRUE(Confirm(who_, code, later));
  EXPECT_TRUE(accounts_->CheckFresh(Again(who_), later));
  EXPECT_EQ(ReasonOf(Confirm(who_, code, later)), Reason::kWrongCredentials) << "used before";
}

TEST_P(PasskeysTest, WhereThereIsAPasskeyAPasswordLogsInAndConfirmsNothing) {
  ASSERT_TRUE(Add(who_, authenticator_));
  const auto in = accounts_->LogIn("ada", Secret(kPassword), "", kNow);
  ASSERT_TRUE(in && in->session);
  const Identity again = WhoIs(*in->session, kNow);
  const auto stale = accounts_->CheckFresh(again, kNow);
  EXPECT_EQ(ReasonOf(stale), Reason::kSecondFactorRequired);
  EXPECT_EQ(stale.error().detail, "Show a passkey again for this.");
  const Proof password{.password = Secret(kPassword), .code = {}, .passkey = {}};
  EXPECT_EQ(ReasonOf(Confirm(again, password)), Reason::kSecondFactorRequired);
  EXPECT_EQ(ReasonOf(accounts_->CheckOwnerAndFactor(again, Secret(kPassword), kNow)),
            Reason::kSecondFactorRequired);

  const auto shown = [&](const std::string& challenge) {
    return Proof{.password = {}, .code = {}, .passkey = AnswerOf(authenticator_, challenge)};
  };
  EXPECT_EQ(ReasonOf(Confirm(again, shown(LogInChallenge()))), Reason::kWrongCredentials);
  EXPECT_EQ(ReasonOf(Confirm(again, shown(ConfirmChallenge(who_)))), Reason::kWrongCredentials)
      << "of another session";
  ASSERT_TRUE(Confirm(again, shown(ConfirmChallenge(again))));
  EXPECT_TRUE(accounts_->CheckFresh(Again(again), kNow));
  EXPECT_TRUE(accounts_->CheckOwnerAndFactor(Again(again), Secret(kPassword), kNow));
}

TEST_P(PasskeysTest, AnotherAccountsPasskeyConfirmsNothing) {
  const Identity eve = Join("eve");
  ASSERT_TRUE(Add(eve, authenticator_));
  TestAuthenticator own(PasskeyAlgorithm::kEdDsa, "chat.example");
  ASSERT_TRUE(Add(who_, own));
  for (const std::string& handle : {std::string(), who_.account_id, eve.account_id}) {
    authenticator_.user_handle = handle;
    const Proof proof{
        .password = {}, .code = {}, .passkey = AnswerOf(authenticator_, ConfirmChallenge(who_))};
    EXPECT_EQ(ReasonOf(Confirm(who_, proof)), Reason::kWrongCredentials) << handle;
  }
}

// A link that came by mail is no password.
TEST_P(PasskeysTest, WhoComesByALinkHasConfirmedNothing) {
  ASSERT_TRUE(accounts_->registration().SetRules(Mode::kEmail, {}, kNow));
  ASSERT_TRUE(accounts_->SignUp({.name = "bo", .email = "bo@example.org", .invitation = {}},
                                Secret(kPassword), "", kNow));
  const std::string text = accounts_->outbox().List(1)->at(0).text;
  const std::size_t at = text.find("token=") + 6;
  const auto in = accounts_->VerifyEmail(text.substr(at, text.find('\n', at) - at), "", kNow);
  ASSERT_TRUE(in && in->session);
  EXPECT_FALSE(accounts_->CheckFresh(WhoIs(*in->session, kNow), kNow));
}

TEST(PasskeyChallengesTest, AreTakenOnceAndRememberedUpToALimit) {
  PasskeyChallenges challenges;
  const std::string first = challenges.Make(PasskeyPurpose::kLogIn, "", kNow);
  EXPECT_EQ(first.size(), 43u);
  EXPECT_TRUE(challenges.Take(first, kNow));
  EXPECT_FALSE(challenges.Take(first, kNow));
  for (std::size_t i = 1; i < PasskeyChallenges::kTakenMax; ++i) {
    ASSERT_TRUE(challenges.Take(std::to_string(i), kNow));
  }
  EXPECT_FALSE(challenges.Take("one more", kNow + 1));
  EXPECT_TRUE(challenges.Take("one more", kNow + PasskeyChallenges::kLifeMs)) << "room again";
}

TEST(PasskeyChallengesTest, EveryChangedLetterIsSeen) {
  const PasskeyChallenges challenges;
  const std::string challenge = challenges.Make(PasskeyPurpose::kConfirm, "s", kNow);
  const auto is_good =
      [&](const std::string& one, PasskeyPurpose purpose = PasskeyPurpose::kConfirm,
          std::string_view asker = "s") { return challenges.IsGood(one, purpose, asker, kNow); };
  ASSERT_TRUE(is_good(challenge));
  EXPECT_FALSE(is_good(challenge, PasskeyPurpose::kEnrol));
  EXPECT_FALSE(is_good(challenge, PasskeyPurpose::kConfirm, "t"));
  EXPECT_FALSE(is_good(challenge + "A"));
  for (std::size_t i = 0; i < challenge.size(); ++i) {
    std::string changed = challenge;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(is_good(changed)) << i;
    EXPECT_FALSE(is_good(challenge.substr(0, i))) << i;
  }
  EXPECT_FALSE(PasskeyChallenges().IsGood(challenge, PasskeyPurpose::kConfirm, "s", kNow))
      << "of another process";
}

}  // namespace
}  // namespace holdfast::accounts
