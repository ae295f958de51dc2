#include "accounts/links.h"

#include "accounts/tokens.h"

namespace holdfast::accounts {
namespace {

using store::Transaction;

constexpr TimeMs kMinuteMs = 60'000;

std::string_view WordOf(LinkKind kind) {
  switch (kind) {
    case LinkKind::kVerifyEmail:
      return "verify_email";
    case LinkKind::kResetPassword:
      return "reset_password";
    case LinkKind::kSetUp:
      return "set_up";
    case LinkKind::kSecondFactor:
      return "second_factor";
  }
  return "";
}

}  // namespace

TimeMs LifeOf(LinkKind kind) {
  switch (kind) {
    case LinkKind::kVerifyEmail:
      return 24 * 60 * kMinuteMs;
    case LinkKind::kResetPassword:
    case LinkKind::kSetUp:
      return 60 * kMinuteMs;
    case LinkKind::kSecondFactor:
      return 5 * kMinuteMs;
  }
  return 0;
}

Outcome<Secret> Links::Make(LinkKind kind, std::string_view account_id, TimeMs now) {
  Secret token = NewToken();
  const store::Value account = account_id.empty() ? store::Value() : store::Value(account_id);
  const Result<void> made = database_.Write([&](Transaction& t) -> Result<void> {
    TRY(
        t.Execute("DELETE FROM links WHERE expires_at <= :now OR (kind = :kind AND"
                  " COALESCE(account_id, '') = :account)",
                  {now, WordOf(kind), account_id}));
    TRY(
        t.Execute("INSERT INTO links (token_hash, kind, account_id, expires_at)"
                  " VALUES (:hash, :kind, :account, :expires)",
                  {TokenHash(token.Reveal()), WordOf(kind), account, now + LifeOf(kind)}));
    return {};
  });
  if (!made) return std::unexpected(ToRefused(made.error()));
  return token;
}

Outcome<std::string> Links::Look(LinkKind kind, std::string_view token, TimeMs now) {
  const std::string hash = TokenHash(token);
  TRY_STORE(const auto row, database_.Read([&](Transaction& t) {
    return t.QueryOne(
        "SELECT COALESCE(account_id, '') FROM links"
        " WHERE token_hash = :hash AND kind = :kind AND expires_at > :now",
        {hash, WordOf(kind), now});
  }));
  if (!row) return Refuse(Reason::kNotFound, "no such link");
  return row->Text(0);
}

Outcome<std::string> Links::Use(LinkKind kind, std::string_view token, TimeMs now) {
  const std::string hash = TokenHash(token);
  const auto used = database_.Write([&](Transaction& t) -> Result<std::optional<std::string>> {
    TRY_ASSIGN(const auto row, t.QueryOne("SELECT COALESCE(account_id, '') FROM links"
                                          " WHERE token_hash = :hash AND kind = :kind"
                                          " AND expires_at > :now",
                                          {hash, WordOf(kind), now}));
    if (!row) return std::nullopt;
    TRY(t.Execute("DELETE FROM links WHERE token_hash = :hash", {hash}));
    return row->Text(0);
  });
  TRY_STORE(const std::optional<std::string> account_id, used);
  if (!account_id) return Refuse(Reason::kNotFound, "no such link");
  return *account_id;
}

}  // namespace holdfast::accounts
