#include "accounts/identities.h"

namespace holdfast::accounts {
namespace {

using store::Row;
using store::Transaction;

enum class Unlinking : std::uint8_t { kDone, kNotLinked, kLastWayIn };

Result<bool> HasOtherWayIn(Transaction& t, std::string_view account_id, std::string_view issuer) {
  TRY_ASSIGN(const auto password,
             t.QueryOne("SELECT 1 FROM accounts"
                        " WHERE id = :id AND COALESCE(password_hash, '') <> ''",
                        {account_id}));
  if (password) return true;
  TRY_ASSIGN(const auto other, t.QueryOne("SELECT 1 FROM identities"
                                          " WHERE account_id = :account AND issuer <> :issuer",
                                          {account_id, issuer}));
  return other.has_value();
}

}  // namespace

Result<void> InsertIdentity(Transaction& t, std::string_view account_id,
                            const ProviderIdentity& identity, TimeMs now) {
  TRY(
      t.Execute("INSERT INTO identities (issuer, subject, account_id, linked_at)"
                " VALUES (:issuer, :subject, :account, :now)",
                {identity.issuer, identity.subject, account_id, now}));
  return {};
}

Outcome<std::optional<std::string>> Identities::Find(const ProviderIdentity& identity) {
  TRY_STORE(const auto row, database_.Read([&](Transaction& t) {
    return t.QueryOne(
        "SELECT account_id FROM identities WHERE issuer = :issuer AND subject = :subject",
        {identity.issuer, identity.subject});
  }));
  if (!row) return std::nullopt;
  return row->Text(0);
}

Outcome<void> Identities::Touch(const ProviderIdentity& identity, TimeMs now) {
  const auto touched = database_.Write([&](Transaction& t) {
    return t.Execute(
        "UPDATE identities SET last_used_at = :now WHERE issuer = :issuer AND subject = :subject",
        {now, identity.issuer, identity.subject});
  });
  if (!touched) return std::unexpected(ToRefused(touched.error()));
  return {};
}

Outcome<std::vector<LinkedIdentity>> Identities::List(std::string_view account_id) {
  TRY_STORE(const store::Rows rows, database_.Read([&](Transaction& t) {
    return t.Query(
        "SELECT issuer, linked_at, last_used_at FROM identities WHERE account_id = :account"
        " ORDER BY linked_at, issuer",
        {account_id});
  }));
  std::vector<LinkedIdentity> identities;
  for (const Row& row : rows) {
    identities.push_back({row.Text(0), row.Number(1), row.OptionalNumber(2)});
  }
  return identities;
}

Outcome<void> Identities::Link(std::string_view account_id, const ProviderIdentity& identity,
                               TimeMs now) {
  const Result<void> linked =
      database_.Write([&](Transaction& t) { return InsertIdentity(t, account_id, identity, now); });
  if (!linked && linked.error().code == ErrorCode::kAlreadyExists) {
    return Refuse(Reason::kConflict,
                  "This log-in belongs to an account already, or this account has another one of "
                  "the same provider.");
  }
  if (!linked) return std::unexpected(ToRefused(linked.error()));
  return {};
}

Outcome<void> Identities::Unlink(std::string_view account_id, std::string_view issuer) {
  const auto work = [&](Transaction& t) -> Result<Unlinking> {
    TRY_ASSIGN(const bool has_other, HasOtherWayIn(t, account_id, issuer));
    if (!has_other) return Unlinking::kLastWayIn;
    TRY_ASSIGN(const std::int64_t gone,
               t.Execute("DELETE FROM identities WHERE account_id = :account AND issuer = :issuer",
                         {account_id, issuer}));
    return gone == 0 ? Unlinking::kNotLinked : Unlinking::kDone;
  };
  TRY_STORE(const Unlinking unlinking, database_.Write(work));
  if (unlinking == Unlinking::kNotLinked) return Refuse(Reason::kNotFound, "it is not linked");
  if (unlinking == Unlinking::kLastWayIn) {
    return Refuse(Reason::kConflict,
                  "This is the only way into the account. Set a password, or link another "
                  "provider, first.");
  }
  return {};
}

}  // namespace holdfast::accounts
