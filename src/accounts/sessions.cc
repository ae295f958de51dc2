#include "accounts/sessions.h"

#include <algorithm>

#include "accounts/tokens.h"
#include "crypto/random.h"

namespace holdfast::accounts {
namespace {

using store::Row;
using store::Transaction;

// The last use is written down no oftener, so that a request is a read.
constexpr TimeMs kTouchEvery = 60'000;

TimeMs ExpiryOf(TimeMs created_at, TimeMs now) {
  return std::min(created_at + kSessionAgeMax, now + kSessionIdleMax);
}

constexpr std::string_view kFind =
    "SELECT s.id, s.account_id, s.created_at, s.last_used_at, s.second_factor_at, a.name, a.role,"
    " a.state, a.restriction_reason, a.restricted_until, a.created_at, s.provider_login_at,"
    " a.probation_until, a.email_verified_at"
    " FROM sessions s JOIN accounts a ON a.id = s.account_id"
    " WHERE s.token_hash = :hash AND s.expires_at > :now";

Result<void> Touch(Transaction& t, const Row& row, TimeMs now) {
  TRY(t.Execute("UPDATE sessions SET last_used_at = :now, expires_at = :expires WHERE id = :id",
                {now, ExpiryOf(row.Number(2), now), row.Text(0)}));
  TRY(t.Execute("UPDATE accounts SET last_seen_at = :now WHERE id = :id", {now, row.Text(1)}));
  return {};
}

Result<void> EndSurplus(Transaction& t, std::string_view account_id) {
  TRY(
      t.Execute("DELETE FROM sessions WHERE id IN (SELECT id FROM sessions"
                " WHERE account_id = :account ORDER BY last_used_at DESC, id LIMIT 1000000"
                " OFFSET :kept)",
                {account_id, static_cast<std::int64_t>(kSessionsMax)}));
  return {};
}

}  // namespace

Outcome<Secret> Sessions::Begin(std::string_view account_id, std::string_view device,
                                TimeMs confirmed_at, TimeMs now) {
  Secret token = NewToken();
  const std::string id = crypto::RandomToken(16);
  const Result<void> begun = database_.Write([&](Transaction& t) -> Result<void> {
    TRY(t.Execute("DELETE FROM sessions WHERE account_id = :account AND expires_at <= :now",
                  {account_id, now}));
    TRY(
        t.Execute("INSERT INTO sessions (id, token_hash, account_id, device, created_at,"
                  " last_used_at, expires_at, second_factor_at)"
                  " VALUES (:id, :hash, :account, :device, :created, :used, :expires, :factor)",
                  {id, TokenHash(token.Reveal()), account_id, device.substr(0, kDeviceBytesMax),
                   now, now, ExpiryOf(now, now), confirmed_at}));
    return EndSurplus(t, account_id);
  });
  if (!begun) return std::unexpected(ToRefused(begun.error()));
  return token;
}

Outcome<Identity> Sessions::Find(std::string_view token, TimeMs now) {
  const std::string hash = TokenHash(token);
  TRY_STORE(const std::optional<Row> row, database_.Read([&](Transaction& t) {
    return t.QueryOne(kFind, {hash, now});
  }));
  if (!row) return Refuse(Reason::kUnauthenticated, "no such session");
  Account account;
  account.state = StateOf(row->Text(7));
  if (const auto reason = row->OptionalText(8)) {
    account.restriction = Restriction{*reason, row->OptionalNumber(9)};
  }
  if (account.IsRestricted(now)) return Refuse(Reason::kAccountPaused, account.restriction->reason);
  if (account.state != State::kActive) return Refuse(Reason::kUnauthenticated, "not yet active");
  if (now - row->Number(3) >= kTouchEvery) {
    // A use that could not be written down is no reason to turn somebody away.
    static_cast<void>(database_.Write([&](Transaction& t) { return Touch(t, *row, now); }));
  }
  Identity identity;
  identity.session_id = row->Text(0);
  identity.account_id = row->Text(1);
  identity.confirmed_at = row->Number(4);
  identity.name = row->Text(5);
  identity.role = RoleOf(row->Text(6));
  identity.created_at = row->Number(10);
  identity.provider_login_at = row->Number(11);
  identity.probation_until = row->Number(12);
  identity.is_email_verified = row->OptionalNumber(13).has_value();
  return identity;
}

Outcome<void> Sessions::Confirm(std::string_view session_id, TimeMs now) {
  const auto done = database_.Write([&](Transaction& t) {
    return t.Execute("UPDATE sessions SET second_factor_at = :now WHERE id = :id",
                     {now, session_id});
  });
  if (!done) return std::unexpected(ToRefused(done.error()));
  return {};
}

Outcome<void> Sessions::ConfirmProviderLogin(std::string_view session_id, TimeMs now) {
  const auto done = database_.Write([&](Transaction& t) {
    return t.Execute("UPDATE sessions SET provider_login_at = :now WHERE id = :id",
                     {now, session_id});
  });
  if (!done) return std::unexpected(ToRefused(done.error()));
  return {};
}

Outcome<std::vector<SessionInfo>> Sessions::List(std::string_view account_id, TimeMs now) {
  TRY_STORE(const store::Rows rows, database_.Read([&](Transaction& t) {
    return t.Query(
        "SELECT id, device, created_at, last_used_at FROM sessions"
        " WHERE account_id = :account AND expires_at > :now"
        " ORDER BY last_used_at DESC, id",
        {account_id, now});
  }));
  std::vector<SessionInfo> sessions;
  for (const Row& row : rows) {
    sessions.push_back({row.Text(0), row.Text(1), row.Number(2), row.Number(3)});
  }
  return sessions;
}

Outcome<void> Sessions::End(std::string_view account_id, std::string_view session_id) {
  TRY_STORE(const std::int64_t ended, database_.Write([&](Transaction& t) {
    return t.Execute("DELETE FROM sessions WHERE account_id = :account AND id = :id",
                     {account_id, session_id});
  }));
  if (ended == 0) return Refuse(Reason::kNotFound, "no such session");
  return {};
}

Outcome<void> Sessions::EndOthers(std::string_view account_id, std::string_view kept) {
  const auto ended = database_.Write([&](Transaction& t) {
    return t.Execute("DELETE FROM sessions WHERE account_id = :account AND id <> :kept",
                     {account_id, kept});
  });
  if (!ended) return std::unexpected(ToRefused(ended.error()));
  return {};
}

}  // namespace holdfast::accounts
