#include "accounts/registration.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "accounts/challenge_desk.h"
#include "accounts/common_passwords.h"
#include "accounts/device_badges.h"
#include "accounts/migrations.h"
#include "accounts/names.h"
#include "accounts/password_rules.h"
#include "accounts/probation.h"
#include "crypto/digest.h"
#include "store/testing/both_databases.h"

namespace holdfast::accounts {
namespace {

constexpr TimeMs kNow = 1'800'000'000'000;

// Solves a challenge as the page does.
std::string Solve(const Challenge& challenge) {
  for (std::uint64_t nonce = 0;; ++nonce) {
    crypto::Sha256 hash;
    hash.Update(fmt::format("{}:{}", challenge.seed, nonce));
    const crypto::Digest256 digest = hash.Finish();
    int bits = 0;
    for (const std::uint8_t byte : digest) {
      if (byte != 0) {
        bits += __builtin_clz(byte) - 24;
        break;
      }
      bits += 8;
    }
    if (bits >= challenge.bits) return std::to_string(nonce);
  }
}

class RegistrationTest : public store::testing::BothDatabases {
 protected:
  RegistrationTest() {
    EXPECT_TRUE(store::Migrate(database(), kRoom, Migrations()));
    registration_ = OpenDesk(Mode::kOpen);
  }

  std::unique_ptr<Registration> OpenDesk(Mode mode) {
    auto opened = Registration::Open(database(), mode, kNow);
    EXPECT_TRUE(opened) << opened.error().detail;
    return std::move(*opened);
  }

  std::unique_ptr<Registration> registration_;
};
INSTANTIATE_TEST_SUITE_P(Stores, RegistrationTest, store::testing::kBoth, store::testing::KindName);

TEST_P(RegistrationTest, EachModeAsksForWhatItSays) {
  const SignUpForm plain{.name = "ada", .email = {}, .invitation = {}};
  SignUpForm with_mail = plain;
  with_mail.email = "ada@school.example";
  SignUpForm invited = plain;
  invited.invitation = "code";
  struct Case {
    Mode mode;
    const SignUpForm& form;
    std::optional<Reason> refusal;
    State state;
  };
  const Case cases[] = {
      {Mode::kOpen, plain, {}, State::kActive},
      {Mode::kEmail, plain, Reason::kBadRequest, {}},
      {Mode::kEmail, with_mail, {}, State::kPendingEmail},
      {Mode::kDomains, with_mail, {}, State::kPendingEmail},
      {Mode::kInvitation, plain, Reason::kInvitationRequired, {}},
      {Mode::kInvitation, invited, {}, State::kActive},
      {Mode::kApproval, plain, {}, State::kPendingApproval},
      {Mode::kClosed, plain, Reason::kRegistrationClosed, {}},
      {Mode::kClosed, invited, Reason::kRegistrationClosed, {}},
  };
  for (const Case& one : cases) {
    ASSERT_TRUE(registration_->SetRules(one.mode, {"School.example"}, kNow));
    const auto terms = registration_->TermsOf(one.form, one.form.invitation == "code");
    EXPECT_EQ(terms.has_value(), !one.refusal) << ModeWord(one.mode);
    if (terms) {
      EXPECT_EQ(terms->state, one.state) << ModeWord(one.mode);
    } else {
      EXPECT_EQ(terms.error().reason, *one.refusal) << ModeWord(one.mode);
    }
  }
  ASSERT_TRUE(registration_->SetRules(Mode::kDomains, {"other.example"}, kNow));
  EXPECT_EQ(registration_->TermsOf(with_mail, false).error().reason, Reason::kRegistrationClosed);
  SignUpForm guessed = plain;
  guessed.invitation = "guess";
  ASSERT_TRUE(registration_->SetRules(Mode::kOpen, {}, kNow));
  EXPECT_EQ(registration_->TermsOf(guessed, false).error().reason, Reason::kInvitationRequired);
}

TEST_P(RegistrationTest, TheGuardMayAskForMailAndNeverForLessThanTheOperator) {
  SignUpForm form{.name = "ada", .email = {}, .invitation = {}, .guard = {.needs_email = true}};
  EXPECT_EQ(registration_->TermsOf(form, false).error().reason, Reason::kBadRequest);
  form.email = "ada@school.example";
  EXPECT_EQ(registration_->TermsOf(form, false)->state, State::kPendingEmail);
  ASSERT_TRUE(registration_->SetRules(Mode::kApproval, {}, kNow));
  EXPECT_EQ(registration_->TermsOf(form, false)->state, State::kPendingApproval);
  ASSERT_TRUE(registration_->SetRules(Mode::kDomains, {"b.example"}, kNow));
  EXPECT_EQ(registration_->TermsOf(form, false).error().reason, Reason::kRegistrationClosed);
}

TEST_P(RegistrationTest, RemembersWhatTheOperatorSet) {
  ASSERT_TRUE(registration_->SetRules(Mode::kDomains, {"a.example", "b.example"}, kNow + 5));
  const auto again = OpenDesk(Mode::kClosed);
  EXPECT_EQ(again->rules().mode, Mode::kDomains);
  EXPECT_EQ(again->rules().domains, (std::vector<std::string>{"a.example", "b.example"}));
  EXPECT_EQ(again->rules().since, kNow + 5);
  EXPECT_EQ(registration_->SetRules(Mode::kDomains, {}, kNow).error().reason, Reason::kBadRequest);
  EXPECT_EQ(registration_->SetRules(Mode::kDomains, {"no domain"}, kNow).error().reason,
            Reason::kBadRequest);
}

TEST(ChallengeDesk, TakesOnlyWhatItGaveAndOnlyOnce) {
  const crypto::HashKey key = crypto::HashKey::Random();
  ChallengeDesk desk(key);
  constexpr std::uint64_t kAsker = 5;
  const Challenge challenge = desk.Make(8, kAsker, kNow);
  const std::string nonce = Solve(challenge);
  EXPECT_FALSE(desk.Take(challenge.seed, nonce, 9, kAsker, kNow)) << "too easy by now";
  EXPECT_FALSE(desk.Take(challenge.seed, nonce, 8, kAsker, challenge.expires_at)) << "too late";
  std::string forged = challenge.seed;
  forged.replace(forged.find(".8."), 3, ".0.");
  EXPECT_FALSE(desk.Take(forged, "0", 0, kAsker, kNow));
  EXPECT_FALSE(desk.Take("", "", 0, kAsker, kNow));
  EXPECT_FALSE(desk.Take("x.y.z", "1", 0, kAsker, kNow));
  EXPECT_FALSE(desk.Take(challenge.seed, nonce, 8, 6, kNow)) << "somebody else's";
  EXPECT_TRUE(desk.Take(challenge.seed, nonce, 8, kAsker, kNow));
  EXPECT_FALSE(desk.Take(challenge.seed, nonce, 8, kAsker, kNow));
}

TEST(ChallengeDesk, APassIsGoodForItsAskerForSomeRequestsAndSomeTime) {
  const crypto::HashKey key = crypto::HashKey::Random();
  ChallengeDesk desk(key);
  const std::string pass = desk.MakePass(5, kNow);
  EXPECT_FALSE(desk.SpendPass(pass, 6, kNow)) << "somebody else's";
  EXPECT_FALSE(desk.SpendPass(pass, 5, kNow + ChallengeDesk::kPassLifeMs)) << "too late";
  EXPECT_FALSE(desk.SpendPass("", 5, kNow));
  EXPECT_FALSE(desk.SpendPass(desk.Make(1, 5, kNow).seed, 5, kNow)) << "a challenge is no pass";
  std::string longer = pass;
  longer[longer.find('.') + 1] = '9';
  EXPECT_FALSE(desk.SpendPass(longer, 5, kNow));
  for (int i = 0; i < ChallengeDesk::kPassRequests; ++i) EXPECT_TRUE(desk.SpendPass(pass, 5, kNow));
  EXPECT_FALSE(desk.SpendPass(pass, 5, kNow));
  EXPECT_TRUE(desk.SpendPass(desk.MakePass(5, kNow), 5, kNow));
}

TEST(ChallengeDesk, TakesNoMorePassesThanItHasRoomForUntilSomeEnd) {
  const crypto::HashKey key = crypto::HashKey::Random();
  ChallengeDesk desk(key);
  for (std::size_t i = 0; i < ChallengeDesk::kPassesMax; ++i) {
    ASSERT_TRUE(desk.SpendPass(desk.MakePass(i, kNow), i, kNow));
  }
  EXPECT_FALSE(desk.SpendPass(desk.MakePass(1, kNow), 1, kNow));
  const TimeMs later = kNow + ChallengeDesk::kPassLifeMs;
  EXPECT_TRUE(desk.SpendPass(desk.MakePass(1, later), 1, later));
}

TEST(DeviceBadges, VouchForTheAccountThatWasLoggedInAndNoOther) {
  const crypto::HashKey key = crypto::HashKey::Random();
  const DeviceBadges badges(key);
  Account ada;
  ada.name = "Ada";
  ada.email = "ada@school.example";
  const std::string badge = badges.Make(ada, "", kNow);
  EXPECT_LE(badge.size(), DeviceBadges::kBytesMax);
  const std::uint64_t device = badges.Check(badge, "ada", kNow);
  EXPECT_NE(device, 0u);
  EXPECT_EQ(badges.Check(badge, "ADA@school.example", kNow), device);
  EXPECT_EQ(badges.Check(badge, "grace", kNow), 0u);
  EXPECT_EQ(badges.Check(badge, "", kNow), 0u);
  EXPECT_EQ(badges.Check("", "ada", kNow), 0u);
  EXPECT_EQ(badges.Check(badge, "ada", kNow + DeviceBadges::kLifeMs), 0u);
  std::string forged = badge;
  forged.back() = forged.back() == '0' ? '1' : '0';
  EXPECT_EQ(badges.Check(forged, "ada", kNow), 0u);
  // The device is the same at the next log-in, and another's is not.
  EXPECT_EQ(badges.Check(badges.Make(ada, badge, kNow + 5), "ada", kNow + 5), device);
  Account grace;
  grace.name = "grace";
  EXPECT_NE(badges.Check(badges.Make(grace, badge, kNow), "grace", kNow), device);
}

TEST(Probation, EndsByMailOnceAllIsCalmOrByTime) {
  constexpr TimeMs kTerm = 1000;
  Identity who;
  EXPECT_TRUE(CheckProbation(who, {.is_restricted = true, .restricted_at = kNow}, kTerm, kNow))
      << "never on it";
  who.created_at = kNow - 1000;
  EXPECT_FALSE(CheckProbation(who, {.is_restricted = true, .restricted_at = kNow}, kTerm, kNow))
      << "came as it began";
  who.probation_until = kNow + kTerm;
  const auto refused = CheckProbation(who, {.is_restricted = true}, kTerm, kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kAccountPaused);
  EXPECT_EQ(ProbationEnd(who, {}, kTerm, kNow), kNow + kTerm);
  EXPECT_EQ(ProbationEnd(who, {.lifted_at = kNow + 500}, kTerm, kNow + 600), kNow + 1500);
  EXPECT_EQ(ProbationEnd(who, {}, kTerm, kNow + kTerm), 0);
  EXPECT_NE(ProbationEnd(who, {.is_restricted = true}, kTerm, kNow + 5 * kTerm), 0);
  who.is_email_verified = true;
  EXPECT_TRUE(CheckProbation(who, {}, kTerm, kNow));
  EXPECT_FALSE(CheckProbation(who, {.is_restricted = true}, kTerm, kNow)) << "mailboxes are cheap";
}

// Hard to guess by its look, and on every guesser's list.
TEST(CheckPassword, RefusesWhatManyHaveChosen) {
  for (const char* common : {"mailcreated5240", "MailCreated5240", "PolniyPizdec0211",
                             "23176djivanfros", "nEMvXyHeqDd5OQxyXYZI"}) {
    const auto checked = CheckPassword(Secret(common), {});
    ASSERT_FALSE(checked) << common;
    EXPECT_NE(checked.error().detail.find("Many people"), std::string::npos) << common;
  }
  EXPECT_TRUE(IsCommonPassword("11111111111111111111"));
  EXPECT_FALSE(IsCommonPassword(""));
  EXPECT_FALSE(IsCommonPassword("otter kettle violin marble"));
}

// The search needs it.
TEST(CommonPasswords, AreSortedInLowerCaseAndLongEnough) {
  std::ifstream file(HOLDFAST_SOURCE_DIR "/src/accounts/common_passwords.txt");
  std::string last;
  int count = 0;
  for (std::string line; std::getline(file, line); ++count, last = line) {
    EXPECT_LT(last, line);
    EXPECT_GE(line.size(), kPasswordLengthMin) << line;
    EXPECT_TRUE(std::ranges::none_of(line, [](char c) { return c >= 'A' && c <= 'Z'; })) << line;
  }
  EXPECT_EQ(count, 9728);
}

TEST(CheckPassword, AsksForLengthAndForWhatIsHardToGuess) {
  const std::string known[] = {"lovelace"};
  for (const char* weak : {"", "short", "fourteen-chars", "aaaaaaaaaaaaaaaaaaaa",
                           "123456789012345678", "lovelacelovelacelovelace", "passwordpassword"}) {
    EXPECT_EQ(CheckPassword(Secret(weak), known).error().reason, Reason::kWeakPassword) << weak;
  }
  for (const char* strong :
       {"otter kettle violin marble", "kR8v2pQz0LmWn5Ty", "пароль который длинный и редкий"}) {
    EXPECT_TRUE(CheckPassword(Secret(strong), known)) << strong;
  }
  EXPECT_FALSE(CheckPassword(Secret(std::string(2'000, 'x')), known));
}

// From the public lists of what is chosen most, those that are long enough.
TEST(CheckPassword, RefusesWhatManyChooseHoweverLong) {
  for (const char* common :
       {"1234567890123456", "123456789123456789", "qwertyuiopasdfghjkl", "1qaz2wsx3edc4rfv",
        "abcdefghijklmnop", "passwordpassword", "password12345678", "iloveyouiloveyou",
        "aaaaaaaaaaaaaaaa", "0000000000000000", "letmeinletmeinletmein", "adminadminadmin1",
        "qwerty1234567890", "Password123456789!"}) {
    const auto checked = CheckPassword(Secret(common), {});
    ASSERT_FALSE(checked) << common;
    EXPECT_EQ(checked.error().reason, Reason::kWeakPassword) << common;
  }
}

TEST(CheckPassword, TakesLongOnes) {
  const std::string words = "otter kettle violin marble granite pillow sunday engine ";
  for (const std::size_t bytes : {64u, 128u, 1024u}) {
    std::string text;
    while (text.size() < bytes) text += words;
    EXPECT_TRUE(CheckPassword(Secret(text.substr(0, bytes)), {})) << bytes;
  }
}

TEST(Names, AllowWhatIsToldApartAndFoldIt) {
  EXPECT_EQ(NameKey("Ada_L.1-x"), "ada_l.1-x");
  for (const char* bad : {"a", ".ab", "a/b", "a\nb"}) EXPECT_EQ(NameKey(bad), std::nullopt) << bad;
  EXPECT_EQ(EmailKey("Ada+tag@Mail.Example.org"), "ada+tag@mail.example.org");
  for (const char* bad :
       {"", "a", "@b.c", "a@b", "a b@c.d", "a@b..c", "a@.b.c", "a@b.c.", "a@b@c.d",
        "a@b.c\r\nBcc: x@y.z", ".a@b.c", "a.@b.c", "\"a\"@b.c", "a@[127.0.0.1]"}) {
    EXPECT_EQ(EmailKey(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace holdfast::accounts
