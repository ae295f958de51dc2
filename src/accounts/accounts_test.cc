// People, sessions, keys, links, invitations, second factor and outbox on both databases.
#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "accounts/api_keys.h"
#include "accounts/backup_book.h"
#include "accounts/invitations.h"
#include "accounts/links.h"
#include "accounts/migrations.h"
#include "accounts/outbox.h"
#include "accounts/people.h"
#include "accounts/second_factor.h"
#include "accounts/sessions.h"
#include "crypto/totp.h"
#include "store/testing/both_databases.h"

namespace holdfast::accounts {
namespace {

constexpr TimeMs kNow = 1'800'000'000'000;

class AccountsTest : public store::testing::BothDatabases {
 protected:
  AccountsTest() {
    const Result<void> migrated = store::Migrate(database(), kRoom, Migrations());
    EXPECT_TRUE(migrated) << migrated.error().message;
  }

  Account MakePerson(const std::string& name, std::optional<std::string> email = {}) {
    const auto created =
        people_.Create({.name = name, .email = std::move(email), .password_hash = "hash"}, kNow);
    EXPECT_TRUE(created) << created.error().detail;
    return created.value_or(Account{});
  }

  People people_{database()};
  Sessions sessions_{database()};
  ApiKeys keys_{database()};
  Links links_{database()};
  Invitations invitations_{database()};
  Outbox outbox_{database()};
  std::shared_ptr<const crypto::DataKey> data_key_ =
      std::make_shared<const crypto::DataKey>(crypto::DataKey::Random());
  SecondFactor second_factor_{database(), [this](std::string_view) { return data_key_; }};
};
INSTANTIATE_TEST_SUITE_P(Stores, AccountsTest, store::testing::kBoth, store::testing::KindName);

template <typename T>
Reason ReasonOf(const Outcome<T>& outcome) {
  EXPECT_FALSE(outcome.has_value());
  return outcome ? Reason::kInternal : outcome.error().reason;
}

TEST_P(AccountsTest, FindsAPersonByNameAndMailWhateverTheirCase) {
  const Account made = MakePerson("Ada.Lovelace", "Ada@Example.org");
  for (const char* word : {"ada.lovelace", "ADA.LOVELACE", "ada@example.org", "ADA@EXAMPLE.ORG"}) {
    const auto found = people_.FindToLogIn(word);
    ASSERT_TRUE(found && *found) << word;
    EXPECT_EQ((*found)->account.id, made.id);
    EXPECT_EQ((*found)->account.name, "Ada.Lovelace");
    EXPECT_EQ((*found)->password_hash, "hash");
  }
  EXPECT_FALSE(*people_.FindToLogIn("ada"));
  EXPECT_FALSE(*people_.FindToLogIn("' OR 1=1 --"));
}

TEST_P(AccountsTest, TellsATakenNameAndHidesATakenMailAddress) {
  MakePerson("ada", "ada@example.org");
  EXPECT_EQ(ReasonOf(people_.Create({.name = "ADA", .email = {}, .password_hash = "h"}, kNow)),
            Reason::kNameTaken);
  EXPECT_EQ(ReasonOf(people_.Create(
                {.name = "eve", .email = "ADA@example.org", .password_hash = "h"}, kNow)),
            Reason::kConflict);
  for (const char* name :
       {"", "a", "-ab", "a b", "ab@c", "grüße", "this-name-is-longer-than-32-bytes"}) {
    EXPECT_EQ(ReasonOf(people_.Create({.name = name, .email = {}, .password_hash = "h"}, kNow)),
              Reason::kBadRequest)
        << name;
  }
}

TEST_P(AccountsTest, OfManyFirstOperatorsAtOnceOneIsMade) {
  constexpr int kThreads = 4;
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const NewAccount account{
          .name = "boss" + std::to_string(i), .email = {}, .password_hash = "hash"};
      if (people_.CreateFirstOperator(account, kNow)) ++made;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_TRUE(*people_.HasOperator());
}

TEST_P(AccountsTest, ListsAccountsInPages) {
  std::set<std::string> names;
  for (int i = 0; i < 205; ++i) names.insert(MakePerson("person" + std::to_string(i)).name);
  std::set<std::string> seen;
  std::string cursor;
  int pages = 0;
  while (true) {
    const auto page = people_.List("PERSON", cursor);
    ASSERT_TRUE(page) << page.error().detail;
    for (const Account& account : page->accounts) EXPECT_TRUE(seen.insert(account.name).second);
    ++pages;
    if (!page->next) break;
    cursor = *page->next;
  }
  EXPECT_EQ(seen, names);
  EXPECT_EQ(pages, 3);
  EXPECT_TRUE(people_.List("100%", "")->accounts.empty()) << "what is typed stands for itself";
}

TEST_P(AccountsTest, ASessionIsOverWhenItIsRevokedUnusedOrItsAccountGone) {
  const Account ada = MakePerson("ada");
  const auto token = sessions_.Begin(ada.id, "Firefox on Linux", 0, kNow);
  ASSERT_TRUE(token);
  const std::string text(token->Reveal());
  const auto found = sessions_.Find(text, kNow + 1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->account_id, ada.id);
  EXPECT_TRUE(found->has_session());

  EXPECT_EQ(ReasonOf(sessions_.Find(text + "x", kNow)), Reason::kUnauthenticated);
  EXPECT_EQ(ReasonOf(sessions_.Find("", kNow)), Reason::kUnauthenticated);
  EXPECT_EQ(ReasonOf(sessions_.Find(text, kNow + kSessionIdleMax)), Reason::kUnauthenticated);
  // Each use moves the end, but not for ever.
  TimeMs now = kNow;
  while (now < kNow + kSessionAgeMax - kDayMs) {
    now += kDayMs;
    ASSERT_TRUE(sessions_.Find(text, now)) << (now - kNow) / kDayMs;
  }
  EXPECT_EQ(ReasonOf(sessions_.Find(text, kNow + kSessionAgeMax)), Reason::kUnauthenticated);

  const auto second = sessions_.Begin(ada.id, "curl", 0, now);
  ASSERT_TRUE(sessions_.End(ada.id, found->session_id));
  EXPECT_EQ(ReasonOf(sessions_.Find(text, now)), Reason::kUnauthenticated);
  EXPECT_EQ(ReasonOf(sessions_.End(ada.id, found->session_id)), Reason::kNotFound);
  ASSERT_TRUE(sessions_.Find(second->Reveal(), now));
  ASSERT_TRUE(people_.Delete(ada.id));
  EXPECT_EQ(ReasonOf(sessions_.Find(second->Reveal(), now)), Reason::kUnauthenticated);
}

TEST_P(AccountsTest, ASessionOfAnotherAccountCannotBeEnded) {
  const Account ada = MakePerson("ada");
  const Account eve = MakePerson("eve");
  const auto token = sessions_.Begin(ada.id, "", 0, kNow);
  const auto id = sessions_.Find(token->Reveal(), kNow)->session_id;
  EXPECT_EQ(ReasonOf(sessions_.End(eve.id, id)), Reason::kNotFound);
  EXPECT_TRUE(sessions_.Find(token->Reveal(), kNow));
}

TEST_P(AccountsTest, TheSessionOverTheLimitEndsTheOldest) {
  const Account ada = MakePerson("ada");
  std::vector<Secret> tokens;
  for (std::size_t i = 0; i <= kSessionsMax; ++i) {
    tokens.push_back(*sessions_.Begin(ada.id, "", 0, kNow + static_cast<TimeMs>(i)));
  }
  EXPECT_EQ(sessions_.List(ada.id, kNow)->size(), kSessionsMax);
  EXPECT_FALSE(sessions_.Find(tokens.front().Reveal(), kNow));
  EXPECT_TRUE(sessions_.Find(tokens.back().Reveal(), kNow));
  ASSERT_TRUE(
      sessions_.EndOthers(ada.id, sessions_.Find(tokens.back().Reveal(), kNow)->session_id));
  EXPECT_EQ(sessions_.List(ada.id, kNow)->size(), 1u);
}

TEST_P(AccountsTest, ARestrictionHoldsWithItsWordsUntilItsEnd) {
  const Account ada = MakePerson("ada");
  const auto token = sessions_.Begin(ada.id, "", 0, kNow);
  const auto key =
      keys_.Make(ada.id, {.name = "k", .scope = {}, .expires_at = {}, .tokens_per_day = {}}, kNow);
  ASSERT_TRUE(people_.Restrict(ada.id, {"Sent spam.", kNow + 1000}));
  const auto refused = sessions_.Find(token->Reveal(), kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kAccountPaused);
  EXPECT_EQ(refused.error().detail, "Sent spam.");
  EXPECT_EQ(ReasonOf(keys_.Find(key->key.Reveal(), kNow)), Reason::kAccountPaused);
  EXPECT_TRUE(sessions_.Find(token->Reveal(), kNow + 1000)) << "it is over by itself";
  ASSERT_TRUE(people_.Restrict(ada.id, {"For good.", std::nullopt}));
  EXPECT_EQ(ReasonOf(sessions_.Find(token->Reveal(), kNow + kDayMs)), Reason::kAccountPaused);
  ASSERT_TRUE(people_.Unrestrict(ada.id));
  EXPECT_TRUE(sessions_.Find(token->Reveal(), kNow + kDayMs));
}

TEST_P(AccountsTest, WhoIsNotYetActiveHasNoSession) {
  const auto made = people_.Create(
      {.name = "ada", .email = "a@b.example", .password_hash = "h", .state = State::kPendingEmail},
      kNow);
  const auto token = sessions_.Begin(made->id, "", 0, kNow);
  EXPECT_EQ(ReasonOf(sessions_.Find(token->Reveal(), kNow)), Reason::kUnauthenticated);
  ASSERT_TRUE(people_.VerifyEmail(made->id, kNow));
  EXPECT_TRUE(sessions_.Find(token->Reveal(), kNow));
}

TEST_P(AccountsTest, AKeyIsToldOnceAndGoodUntilItExpiresOrIsRevoked) {
  const Account ada = MakePerson("ada");
  const auto made = keys_.Make(ada.id,
                               {.name = "laptop",
                                .scope = {{"m1", "m2"}, {"/v1/chat/completions"}},
                                .expires_at = kNow + 1000,
                                .tokens_per_day = 5},
                               kNow);
  ASSERT_TRUE(made) << made.error().detail;
  const std::string key(made->key.Reveal());
  EXPECT_TRUE(key.starts_with("sk-"));
  EXPECT_GE(key.size(), 40u);
  const auto found = keys_.Find(key, kNow);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->account_id, ada.id);
  EXPECT_EQ(found->scope.models, (std::vector<std::string>{"m1", "m2"}));
  EXPECT_FALSE(found->is_operator());
  EXPECT_EQ(ReasonOf(keys_.Find(key, kNow + 1000)), Reason::kUnauthenticated);
  const auto listed = keys_.List(ada.id);
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ(listed->front().prefix, key.substr(0, 7));
  EXPECT_EQ(listed->front().last_used_at, kNow);
  EXPECT_EQ(ReasonOf(keys_.Revoke("another", made->info.id)), Reason::kNotFound);
  ASSERT_TRUE(keys_.Revoke(ada.id, made->info.id));
  EXPECT_EQ(ReasonOf(keys_.Find(key, kNow)), Reason::kUnauthenticated);
}

TEST_P(AccountsTest, NoTokenStandsInTheDatabase) {
  const Account ada = MakePerson("ada");
  const auto token = sessions_.Begin(ada.id, "", 0, kNow);
  const auto key =
      keys_.Make(ada.id, {.name = "k", .scope = {}, .expires_at = {}, .tokens_per_day = {}}, kNow);
  const auto link = links_.Make(LinkKind::kResetPassword, ada.id, kNow);
  const auto code = invitations_.Make("for friends", 3, std::nullopt, kNow);
  for (const char* table : {"sessions", "api_keys", "links", "invitations"}) {
    const auto rows = database().Read(
        [&](store::Transaction& t) { return t.Query(std::string("SELECT * FROM ") + table); });
    ASSERT_EQ(rows->size(), 1u) << table;
    for (std::size_t i = 0; i < rows->front().size(); ++i) {
      const store::Value& value = rows->front()[i];
      if (value.text() == nullptr) continue;
      for (const Secret* secret : {&*token, &key->key, &*link, &code->code}) {
        EXPECT_EQ(value.text()->find(secret->Reveal()), std::string::npos) << table;
      }
    }
  }
}

TEST_P(AccountsTest, ALinkIsGoodOnceAndForAWhile) {
  const Account ada = MakePerson("ada");
  const auto first = links_.Make(LinkKind::kResetPassword, ada.id, kNow);
  const auto second = links_.Make(LinkKind::kResetPassword, ada.id, kNow);
  EXPECT_EQ(ReasonOf(links_.Use(LinkKind::kResetPassword, first->Reveal(), kNow)),
            Reason::kNotFound)
      << "a newer one replaces it";
  EXPECT_EQ(ReasonOf(links_.Use(LinkKind::kVerifyEmail, second->Reveal(), kNow)),
            Reason::kNotFound);
  EXPECT_EQ(links_.Look(LinkKind::kResetPassword, second->Reveal(), kNow), ada.id);
  EXPECT_EQ(links_.Use(LinkKind::kResetPassword, second->Reveal(), kNow), ada.id);
  EXPECT_EQ(ReasonOf(links_.Use(LinkKind::kResetPassword, second->Reveal(), kNow)),
            Reason::kNotFound);
  const auto late = links_.Make(LinkKind::kSetUp, "", kNow);
  EXPECT_EQ(ReasonOf(links_.Use(LinkKind::kSetUp, late->Reveal(), kNow + LifeOf(LinkKind::kSetUp))),
            Reason::kNotFound);
}

TEST_P(AccountsTest, AnInvitationLetsInAsManyAsItSays) {
  const auto made = invitations_.Make("two of them", 2, std::nullopt, kNow);
  const std::string code(made->code.Reveal());
  EXPECT_TRUE(*invitations_.IsGood(code, kNow));
  std::atomic<int> used = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      if (invitations_.Use(code, kNow)) ++used;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(used, 2);
  EXPECT_FALSE(*invitations_.IsGood(code, kNow));
  const auto brief = invitations_.Make("", 1, kNow + 10, kNow);
  EXPECT_EQ(ReasonOf(invitations_.Use(brief->code.Reveal(), kNow + 10)),
            Reason::kInvitationRequired);
  EXPECT_EQ(ReasonOf(invitations_.Make("", 0, std::nullopt, kNow)), Reason::kBadRequest);
}

TEST_P(AccountsTest, ASecondFactorTakesEachCodeOnce) {
  const Account ada = MakePerson("ada");
  const auto secret = second_factor_.Begin(ada.id);
  ASSERT_TRUE(secret);
  EXPECT_FALSE(second_factor_.StateOf(ada.id)->is_on) << "not before a code was confirmed";
  const std::int64_t step = kNow / 30'000;
  const std::string code = crypto::TotpCode(*secret, step);
  const auto codes = second_factor_.Confirm(ada.id, code, kNow);
  ASSERT_TRUE(codes) << codes.error().detail;
  EXPECT_EQ(codes->size(), kRecoveryCodes);
  EXPECT_TRUE(second_factor_.StateOf(ada.id)->is_on);
  EXPECT_EQ(ReasonOf(second_factor_.Check(ada.id, code, kNow)), Reason::kWrongCredentials);
  EXPECT_TRUE(second_factor_.Check(ada.id, crypto::TotpCode(*secret, step + 1), kNow + 30'000));
  EXPECT_EQ(ReasonOf(second_factor_.Check(ada.id, "000000", kNow)), Reason::kWrongCredentials);

  const std::string recovery(codes->front().Reveal());
  EXPECT_EQ(std::ranges::count(recovery, '-'), 5) << recovery;
  EXPECT_EQ(recovery.size(), 24u + 5u) << "120 bits in base32";
  EXPECT_TRUE(second_factor_.Check(ada.id, recovery, kNow));
  EXPECT_EQ(ReasonOf(second_factor_.Check(ada.id, recovery, kNow)), Reason::kWrongCredentials);
  EXPECT_EQ(second_factor_.StateOf(ada.id)->recovery_codes_left, kRecoveryCodes - 1);
  ASSERT_TRUE(second_factor_.Remove(ada.id));
  EXPECT_FALSE(second_factor_.StateOf(ada.id)->is_on);
}

TEST_P(AccountsTest, WrongCodesInARowEndInAWait) {
  const Account ada = MakePerson("ada");
  const Account bob = MakePerson("bob");
  std::int64_t step = kNow / 30'000;
  std::map<std::string, Secret> secrets;
  std::vector<Secret> recovery;
  for (const std::string& id : {ada.id, bob.id}) {
    secrets[id] = *second_factor_.Begin(id);
    recovery = *second_factor_.Confirm(id, crypto::TotpCode(secrets[id], step), kNow);
  }
  // One that is none of the codes that count now.
  const auto wrong = [&](TimeMs now) {
    std::string code = crypto::TotpCode(secrets[ada.id], now / 30'000 + 100);
    while (crypto::MatchTotp(secrets[ada.id], code, std::chrono::seconds(now / 1000))) {
      code.back() = code.back() == '9' ? '0' : static_cast<char>(code.back() + 1);
    }
    return code;
  };
  TimeMs now = kNow + 60'000;
  for (int i = 0; i < WrongCodes::kInRowMax; ++i) {
    EXPECT_EQ(ReasonOf(second_factor_.Check(ada.id, wrong(now), now)), Reason::kWrongCredentials);
  }
  const auto right = [&](const std::string& id) {
    return crypto::TotpCode(secrets[id], now / 30'000);
  };
  const auto refused = second_factor_.Check(ada.id, right(ada.id), now + 1);
  EXPECT_EQ(ReasonOf(refused), Reason::kYourRate) << "not even the right one is looked at";
  EXPECT_EQ(refused.error().retry_after_ms, WrongCodes::kWaitMs - 1);
  EXPECT_TRUE(second_factor_.Check(bob.id, right(bob.id), now)) << "another's codes are";
  EXPECT_TRUE(second_factor_.Check(bob.id, recovery.front().Reveal(), now));

  now += WrongCodes::kWaitMs;
  EXPECT_EQ(ReasonOf(second_factor_.Check(ada.id, wrong(now), now)), Reason::kWrongCredentials);
  EXPECT_EQ(ReasonOf(second_factor_.Check(ada.id, right(ada.id), now)), Reason::kYourRate)
      << "one at a time";
  now += WrongCodes::kWaitMs;
  EXPECT_TRUE(second_factor_.Check(ada.id, right(ada.id), now));
  now += 60'000;
  for (int i = 0; i < WrongCodes::kInRowMax; ++i) {
    EXPECT_EQ(ReasonOf(second_factor_.Check(ada.id, wrong(now), now)), Reason::kWrongCredentials)
        << "a right one begins a new row";
  }
  EXPECT_EQ(ReasonOf(second_factor_.Check(ada.id, wrong(now), now)), Reason::kYourRate);
  now += WrongCodes::kForgetMs;
  for (int i = 0; i < WrongCodes::kInRowMax; ++i) {
    EXPECT_EQ(ReasonOf(second_factor_.Check(ada.id, wrong(now), now)), Reason::kWrongCredentials)
        << "a day later it is forgotten";
  }
}

TEST(WrongCodes, TheRowAddedToLongestAgoMakesRoom) {
  WrongCodes codes;
  for (int i = 0; i < WrongCodes::kInRowMax; ++i) EXPECT_FALSE(codes.Count("first", kNow));
  for (std::size_t i = 1; i < WrongCodes::kAccountsMax; ++i) {
    EXPECT_FALSE(codes.Count("account" + std::to_string(i), kNow + 1));
  }
  EXPECT_TRUE(codes.Count("first", kNow + 1));
  EXPECT_FALSE(codes.Count("one more", kNow + 1));
  EXPECT_FALSE(codes.Count("first", kNow + 1)) << "its row made room";
}

TEST_P(AccountsTest, MailIsTriedAgainLaterAndItsTextIsGoneOnceSent) {
  ASSERT_TRUE(outbox_.Put("a@b.example", "Subject", "secret link", kNow));
  const auto due = outbox_.Due(10, kNow);
  ASSERT_EQ(due->size(), 1u);
  ASSERT_TRUE(outbox_.MarkFailed(due->front().id, "no server"));
  EXPECT_TRUE(outbox_.Due(10, kNow)->empty());
  ASSERT_EQ(outbox_.Due(10, kNow + 30'000)->size(), 1u);
  ASSERT_TRUE(outbox_.MarkSent(due->front().id, kNow));
  EXPECT_TRUE(outbox_.Due(10, kNow + kDayMs)->empty());
  EXPECT_EQ(outbox_.List(10)->front().text, "");
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(outbox_.Put("a@b.example", "s", "t", kNow));
  EXPECT_EQ(outbox_.List(100)->size(), static_cast<std::size_t>(Outbox::kWaitingPerAddressMax));
}

TEST_P(AccountsTest, BackupsAreKnownAsLongAsTheyAreKept) {
  BackupBook book(database());
  EXPECT_EQ(ReasonOf(book.Note({.made_at = kNow, .kept_until = kNow})), Reason::kBadRequest);
  const KeptBackup first{.made_at = kNow, .kept_until = kNow + 30};
  const KeptBackup second{.made_at = kNow + 10, .kept_until = kNow + 20};
  ASSERT_TRUE(book.Note(first) && book.Note(second));
  EXPECT_EQ(*book.Kept(kNow + 10), (std::vector{first, second}));
  EXPECT_EQ(*book.Kept(kNow + 20), std::vector{first});
  EXPECT_TRUE(book.Kept(kNow + 30)->empty());
}

}  // namespace
}  // namespace holdfast::accounts
