#include "accounts/ledger.h"

namespace holdfast::accounts {
namespace {

using store::Row;
using store::Transaction;

// What the limits of an account and of a key leave open.
struct Standing {
  std::optional<std::int64_t> tokens_per_day;
  std::optional<std::int64_t> balance;
  std::optional<std::int64_t> requests_at_once;
  std::int64_t tokens_today = 0;
  std::optional<std::int64_t> key_tokens_per_day;
  std::optional<std::int64_t> key_requests_at_once;
  std::int64_t key_tokens_today = 0;
};

Result<std::int64_t> TokensOf(Transaction& t, std::string_view account_id, std::int64_t day) {
  TRY_ASSIGN(const auto row,
             t.QueryOne("SELECT CAST(COALESCE(SUM(prompt_tokens + output_tokens), 0) AS BIGINT)"
                        " FROM usage_days WHERE account_id = :id AND day = :day",
                        {account_id, day}));
  return row->Number(0);
}

Result<std::optional<Standing>> StandingOf(Transaction& t, const Identity& identity,
                                           std::int64_t day) {
  TRY_ASSIGN(const auto account,
             t.QueryOne("SELECT tokens_per_day, balance, requests_at_once FROM accounts"
                        " WHERE id = :id",
                        {identity.account_id}));
  if (!account) return std::nullopt;
  Standing standing;
  standing.tokens_per_day = account->OptionalNumber(0);
  standing.balance = account->OptionalNumber(1);
  standing.requests_at_once = account->OptionalNumber(2);
  TRY_ASSIGN(standing.tokens_today, TokensOf(t, identity.account_id, day));
  if (identity.key_id.empty()) return standing;
  TRY_ASSIGN(const auto key, t.QueryOne("SELECT k.tokens_per_day,"
                                        " COALESCE(u.prompt_tokens + u.output_tokens, 0),"
                                        " k.requests_at_once"
                                        " FROM api_keys k LEFT JOIN usage_days u"
                                        " ON u.account_id = k.account_id AND u.key_id = k.id"
                                        " AND u.day = :day WHERE k.id = :id",
                                        {day, identity.key_id}));
  if (key) {
    standing.key_tokens_per_day = key->OptionalNumber(0);
    standing.key_tokens_today = key->Number(1);
    standing.key_requests_at_once = key->OptionalNumber(2);
  }
  return standing;
}

// An account's own limit goes before the service's, and an own 0 lifts it.
std::optional<std::int64_t> AtOnce(const std::optional<std::int64_t>& own,
                                   const QuotaDefaults& defaults) {
  if (!own) return defaults.requests_at_once;
  return *own == 0 ? std::nullopt : own;
}

TimeMs Tomorrow(TimeMs now) { return (DayOf(now) + 1) * 24LL * 60 * 60 * 1000; }

Result<void> Add(Transaction& t, const Usage& usage, bool was_cut, TimeMs now) {
  TRY_ASSIGN(const std::int64_t is_new,
             t.Execute("INSERT INTO usage_ledger (request_id, account_id, key_id, ended_at,"
                       " prompt_tokens, output_tokens, was_cut)"
                       " VALUES (:request, :account, :key, :now, :prompt, :output, :cut)"
                       " ON CONFLICT (request_id) DO NOTHING",
                       {usage.request_id, usage.account_id, usage.key_id, now, usage.prompt_tokens,
                        usage.output_tokens, was_cut}));
  if (is_new == 0) return {};
  TRY(t.Execute(
      "INSERT INTO usage_days (account_id, key_id, day, prompt_tokens, output_tokens,"
      " answers) VALUES (:account, :key, :day, :prompt, :output, 1)"
      " ON CONFLICT (account_id, day, key_id) DO UPDATE SET"
      " prompt_tokens = usage_days.prompt_tokens + excluded.prompt_tokens,"
      " output_tokens = usage_days.output_tokens + excluded.output_tokens,"
      " answers = usage_days.answers + 1",
      {usage.account_id, usage.key_id, DayOf(now), usage.prompt_tokens, usage.output_tokens}));
  TRY(
      t.Execute("UPDATE accounts SET balance = balance - :tokens"
                " WHERE id = :id AND balance IS NOT NULL",
                {usage.prompt_tokens + usage.output_tokens, usage.account_id}));
  return {};
}

}  // namespace

Outcome<AtOnceLimits> Ledger::Check(const Identity& identity, TimeMs now) {
  TRY_STORE(const std::optional<Standing> standing,
            database_.Read([&](Transaction& t) { return StandingOf(t, identity, DayOf(now)); }));
  if (!standing) return Refuse(Reason::kUnauthenticated, "the account is gone");
  if (standing->balance && *standing->balance <= 0) return Refuse(Reason::kPaymentRequired);
  const std::optional<std::int64_t> limit =
      standing->tokens_per_day ? standing->tokens_per_day : defaults_.tokens_per_day;
  const bool is_over =
      (limit && standing->tokens_today >= *limit) ||
      (standing->key_tokens_per_day && standing->key_tokens_today >= *standing->key_tokens_per_day);
  if (!is_over) {
    return AtOnceLimits{AtOnce(standing->requests_at_once, defaults_),
                        standing->key_requests_at_once};
  }
  return std::unexpected(Refused{Reason::kYourQuota, {}, Tomorrow(now) - now});
}

Outcome<void> Ledger::Charge(const Usage& usage, bool was_cut, TimeMs now) {
  const Result<void> added = database_.Write([&](Transaction& t) -> Result<void> {
    TRY_ASSIGN(const auto account,
               t.QueryOne("SELECT 1 FROM accounts WHERE id = :id", {usage.account_id}));
    if (!account) return {};
    return Add(t, usage, was_cut, now);
  });
  if (!added) return std::unexpected(ToRefused(added.error()));
  return {};
}

Outcome<std::int64_t> Ledger::TokensToday(std::string_view account_id, TimeMs now) {
  TRY_STORE(const std::int64_t tokens,
            database_.Read([&](Transaction& t) { return TokensOf(t, account_id, DayOf(now)); }));
  return tokens;
}

Outcome<UsageReport> Ledger::Report(std::string_view account_id, TimeMs now) {
  const std::int64_t today = DayOf(now);
  const auto read = database_.Read([&](Transaction& t) -> Result<std::optional<UsageReport>> {
    Identity identity;
    identity.account_id = account_id;
    TRY_ASSIGN(const auto standing, StandingOf(t, identity, today));
    if (!standing) return std::nullopt;
    UsageReport report;
    report.tokens_today = standing->tokens_today;
    report.tokens_per_day = standing->tokens_per_day;
    report.balance = standing->balance;
    report.requests_at_once = AtOnce(standing->requests_at_once, defaults_);
    TRY_ASSIGN(const store::Rows days,
               t.Query("SELECT day, CAST(SUM(prompt_tokens + output_tokens) AS BIGINT)"
                       " FROM usage_days WHERE account_id = :id AND day > :from"
                       " GROUP BY day ORDER BY day",
                       {account_id, today - kDaysShown}));
    for (const Row& row : days) report.days.push_back({row.Number(0), row.Number(1)});
    TRY_ASSIGN(const store::Rows keys,
               t.Query("SELECT key_id, prompt_tokens + output_tokens FROM usage_days"
                       " WHERE account_id = :id AND day = :today AND key_id <> ''",
                       {account_id, today}));
    for (const Row& row : keys) report.keys.push_back({row.Text(0), row.Number(1)});
    return report;
  });
  TRY_STORE(std::optional<UsageReport> report, read);
  if (!report) return Refuse(Reason::kNotFound, "no such account");
  if (!report->tokens_per_day) report->tokens_per_day = defaults_.tokens_per_day;
  report->resets_at = Tomorrow(now);
  return std::move(*report);
}

Outcome<void> Ledger::Prune(TimeMs now) {
  const auto pruned = database_.Write([&](Transaction& t) {
    return t.Execute("DELETE FROM usage_ledger WHERE ended_at < :before", {now - kEntriesKept});
  });
  if (!pruned) return std::unexpected(ToRefused(pruned.error()));
  return {};
}

}  // namespace holdfast::accounts
