#include "accounts/ledger.h"

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#include "accounts/api_keys.h"
#include "accounts/migrations.h"
#include "accounts/people.h"
#include "store/testing/both_databases.h"

namespace holdfast::accounts {
namespace {

constexpr TimeMs kNow = 1'800'000'000'000;

class LedgerTest : public store::testing::BothDatabases {
 protected:
  LedgerTest() {
    EXPECT_TRUE(store::Migrate(database(), kRoom, Migrations()));
    ada_ = People(database())
               .Create({.name = "ada", .email = {}, .password_hash = "h"}, kNow)
               .value_or(Account{});
    identity_.account_id = ada_.id;
  }

  Usage Of(std::string request, std::int64_t prompt, std::int64_t output) const {
    return {std::move(request), ada_.id, identity_.key_id, prompt, output};
  }

  Account ada_;
  Identity identity_;
  Ledger ledger_{database(), {.tokens_per_day = 100}};
};
INSTANTIATE_TEST_SUITE_P(Stores, LedgerTest, store::testing::kBoth, store::testing::KindName);

TEST_P(LedgerTest, ChargesARequestOnce) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(ledger_.Charge(Of("r1", 10, 5), i > 0, kNow));
  ASSERT_TRUE(ledger_.Charge(Of("r2", 1, 2), false, kNow));
  const auto report = ledger_.Report(ada_.id, kNow);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->tokens_today, 18);
  EXPECT_EQ(report->tokens_per_day, 100);
  ASSERT_EQ(report->days.size(), 1u);
  EXPECT_EQ(report->days[0].tokens, 18);
}

TEST_P(LedgerTest, RefusesWhatIsOverTheQuotaUntilTomorrow) {
  ASSERT_TRUE(ledger_.Charge(Of("r1", 99, 0), false, kNow));
  EXPECT_TRUE(ledger_.Check(identity_, kNow));
  ASSERT_TRUE(ledger_.Charge(Of("r2", 1, 0), false, kNow));
  const auto refused = ledger_.Check(identity_, kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kYourQuota);
  const TimeMs wait = *refused.error().retry_after_ms;
  EXPECT_FALSE(ledger_.Check(identity_, kNow + wait - 1));
  EXPECT_TRUE(ledger_.Check(identity_, kNow + wait));
  ASSERT_TRUE(People(database()).SetTokensPerDay(ada_.id, 1'000));
  EXPECT_TRUE(ledger_.Check(identity_, kNow)) << "an account's own quota goes before";
}

TEST_P(LedgerTest, HoldsAKeyToItsOwnQuota) {
  const auto key =
      ApiKeys(database())
          .Make(ada_.id, {.name = "k", .scope = {}, .expires_at = {}, .tokens_per_day = 10}, kNow);
  Usage usage = Of("r1", 10, 0);
  usage.key_id = key->info.id;
  ASSERT_TRUE(ledger_.Charge(usage, false, kNow));
  EXPECT_TRUE(ledger_.Check(identity_, kNow)) << "the account itself has more";
  identity_.key_id = key->info.id;
  EXPECT_EQ(ledger_.Check(identity_, kNow).error().reason, Reason::kYourQuota);
  EXPECT_EQ(ledger_.Report(ada_.id, kNow)->keys.front().tokens, 10);
}

TEST_P(LedgerTest, TellsHowManyRequestsMayBeUnderWayAtOnce) {
  struct Case {
    std::optional<std::int64_t> service;
    std::optional<std::int64_t> own;
    std::optional<std::int64_t> holds;
  };
  const Case cases[] = {{{}, {}, {}}, {4, {}, 4}, {4, 9, 9}, {4, 0, {}}, {{}, 2, 2}};
  for (const Case& one : cases) {
    Ledger ledger(database(), {.tokens_per_day = {}, .requests_at_once = one.service});
    ASSERT_TRUE(People(database()).SetRequestsAtOnce(ada_.id, one.own));
    const auto limits = ledger.Check(identity_, kNow);
    ASSERT_TRUE(limits) << limits.error().detail;
    EXPECT_EQ(limits->account, one.holds);
    EXPECT_EQ(limits->key, std::nullopt);
    EXPECT_EQ(ledger.Report(ada_.id, kNow)->requests_at_once, one.holds);
    EXPECT_EQ((*People(database()).Find(ada_.id))->requests_at_once, one.own);
  }
  ApiKeys keys(database());
  const auto key = keys.Make(
      ada_.id,
      {.name = "k", .scope = {}, .expires_at = {}, .tokens_per_day = {}, .requests_at_once = 3},
      kNow);
  ASSERT_TRUE(key);
  identity_.key_id = key->info.id;
  EXPECT_EQ(ledger_.Check(identity_, kNow)->key, 3);
  EXPECT_EQ(keys.List(ada_.id)->front().requests_at_once, 3);
  for (const std::int64_t wrong : {std::int64_t{0}, std::int64_t{-1}, kRequestsAtOnceMax + 1}) {
    const auto refused = keys.Make(ada_.id,
                                   {.name = "k",
                                    .scope = {},
                                    .expires_at = {},
                                    .tokens_per_day = {},
                                    .requests_at_once = wrong},
                                   kNow);
    EXPECT_EQ(refused.error().reason, Reason::kBadRequest) << wrong;
  }
}

TEST_P(LedgerTest, ABalanceGoesDownAndThenAsksForPayment) {
  People people(database());
  ASSERT_TRUE(people.SetBalance(ada_.id, 20));
  EXPECT_TRUE(ledger_.Check(identity_, kNow));
  ASSERT_TRUE(ledger_.Charge(Of("r1", 10, 15), false, kNow));
  EXPECT_EQ(ledger_.Check(identity_, kNow).error().reason, Reason::kPaymentRequired);
  EXPECT_EQ(ledger_.Report(ada_.id, kNow)->balance, -5);
}

TEST_P(LedgerTest, AnAccountThatIsGoneIsChargedNoMore) {
  ASSERT_TRUE(People(database()).Delete(ada_.id));
  EXPECT_TRUE(ledger_.Charge(Of("r1", 10, 15), false, kNow));
  EXPECT_EQ(ledger_.Check(identity_, kNow).error().reason, Reason::kUnauthenticated);
}

// A child relays tokens and is killed at a moment that it does not choose: what it had told of is
// what is charged, once.
TEST_P(LedgerTest, ChargesWhatAKilledProcessHadRelayed) {
  const std::filesystem::path path = folder() / "usage.board";
  constexpr int kRounds = 20;
  std::int64_t expected = 0;
  for (int round = 0; round < kRounds; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const auto board = UsageBoard::Open(path);
      if (!board) ::_exit(1);
      auto line = (*board)->Begin("request" + std::to_string(round), ada_.id, "");
      line.SetPrompt(7);
      for (std::int64_t token = 1;; ++token) {
        line.SetOutput(token);
        // Only now is the token relayed.
        if (::write(pipe_ends[1], "t", 1) != 1) ::_exit(1);
      }
    }
    ::close(pipe_ends[1]);
    std::int64_t relayed = 0;
    char byte = 0;
    while (relayed < 1 + round * 37 && ::read(pipe_ends[0], &byte, 1) == 1) ++relayed;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(pipe_ends[0], &byte, 1) == 1) ++relayed;
    ::close(pipe_ends[0]);

    const auto board = UsageBoard::Open(path);
    ASSERT_TRUE(board) << board.error().message;
    const std::vector<Usage> unfinished = (*board)->TakeUnfinished();
    ASSERT_EQ(unfinished.size(), 1u);
    EXPECT_EQ(unfinished[0].prompt_tokens, 7);
    // One more may have been told of and not relayed: the kill fell between the two.
    EXPECT_GE(unfinished[0].output_tokens, relayed);
    EXPECT_LE(unfinished[0].output_tokens, relayed + 1);
    expected += unfinished[0].output_tokens + 7;
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(ledger_.Charge(unfinished[0], true, kNow));
    (*board)->ClearUnfinished();
    EXPECT_TRUE((*board)->TakeUnfinished().empty());
  }
  EXPECT_EQ(ledger_.Report(ada_.id, kNow)->tokens_today, expected);
}

TEST(UsageBoard, HasALineForEachAnswerUpToItsLimit) {
  const std::string path = ::testing::TempDir() + "holdfast-usage-board";
  std::filesystem::remove(path);
  const auto board = UsageBoard::Open(path);
  ASSERT_TRUE(board) << board.error().message;
  std::vector<UsageBoard::Line> lines;
  for (std::size_t i = 0; i < UsageBoard::kSlots + 1; ++i) {
    lines.push_back((*board)->Begin("r" + std::to_string(i), "a", "k"));
    lines.back().SetOutput(1);
  }
  EXPECT_EQ((*board)->TakeUnfinished().size(), UsageBoard::kSlots);
  lines.clear();
  EXPECT_TRUE((*board)->TakeUnfinished().empty());
  EXPECT_EQ(UsageBoard::Open(path).error().code, ErrorCode::kFailedPrecondition);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace holdfast::accounts
