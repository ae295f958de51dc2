#include "accounts/passkeys.h"

#include <fmt/format.h>

#include "accounts/names.h"
#include "crypto/encoding.h"
#include "crypto/random.h"

namespace holdfast::accounts {
namespace {

using store::Row;
using store::Transaction;

// What becomes of a new passkey.
enum class Addition : std::uint8_t { kDone, kTooMany, kKnown };

bool IsPasskeyName(std::string_view name) {
  return !name.empty() && name.size() <= kPasskeyNameBytesMax &&
         name.find('\0') == std::string_view::npos;
}

std::unexpected<Refused> RefuseName() {
  return Refuse(Reason::kBadRequest,
                fmt::format("`name` has 1 to {} bytes.", kPasskeyNameBytesMax));
}

}  // namespace

Outcome<std::vector<PasskeyInfo>> Passkeys::List(std::string_view account_id) {
  TRY_STORE(const store::Rows rows, database_.Read([&](Transaction& t) {
    return t.Query(
        "SELECT id, name, credential_id, created_at, last_used_at FROM passkeys"
        " WHERE account_id = :account ORDER BY created_at, id",
        {account_id});
  }));
  std::vector<PasskeyInfo> passkeys;
  for (const Row& row : rows) {
    passkeys.push_back({.id = row.Text(0),
                        .name = row.Text(1),
                        .credential_id = crypto::DecodeBase64Url(row.Text(2)).value_or(""),
                        .created_at = row.Number(3),
                        .last_used_at = row.OptionalNumber(4)});
  }
  return passkeys;
}

Outcome<std::int64_t> Passkeys::CountOf(std::string_view account_id) {
  TRY_STORE(const auto row, database_.Read([&](Transaction& t) {
    return t.QueryOne("SELECT COUNT(*) FROM passkeys WHERE account_id = :account", {account_id});
  }));
  return row->Number(0);
}

Outcome<PasskeyInfo> Passkeys::Add(std::string_view account_id, std::string_view name,
                                   const crypto::NewPasskey& passkey, TimeMs now) {
  if (!IsPasskeyName(name)) return RefuseName();
  PasskeyInfo info{.id = crypto::RandomToken(16),
                   .name = std::string(name),
                   .credential_id = passkey.credential_id,
                   .created_at = now,
                   .last_used_at = {}};
  const std::string credential = crypto::EncodeBase64Url(passkey.credential_id);
  const auto added = database_.Write([&](Transaction& t) -> Result<Addition> {
    TRY_ASSIGN(const auto count,
               t.QueryOne("SELECT COUNT(*) FROM passkeys WHERE account_id = :id", {account_id}));
    if (count->Number(0) >= static_cast<std::int64_t>(kPasskeysMax)) return Addition::kTooMany;
    TRY_ASSIGN(const auto known,
               t.QueryOne("SELECT 1 FROM passkeys WHERE credential_id = :id", {credential}));
    if (known) return Addition::kKnown;
    TRY(t.Execute(
        "INSERT INTO passkeys (id, account_id, credential_id, algorithm, public_key,"
        " sign_count, may_be_synced, name, created_at)"
        " VALUES (:id, :account, :credential, :algorithm, :key, :count, :synced, :name,"
        " :created)",
        {info.id, account_id, credential, static_cast<std::int64_t>(passkey.key.algorithm),
         crypto::EncodeBase64(passkey.key.bytes),
         static_cast<std::int64_t>(passkey.state.sign_count), passkey.state.may_be_synced, name,
         now}));
    return Addition::kDone;
  });
  // Another took it in between.
  const bool is_taken = !added && added.error().code == ErrorCode::kAlreadyExists;
  if (is_taken) return Refuse(Reason::kConflict, "This passkey is known here already.");
  TRY_STORE(const Addition addition, added);
  if (addition == Addition::kKnown) {
    return Refuse(Reason::kConflict, "This passkey is known here already.");
  }
  if (addition == Addition::kTooMany) {
    return Refuse(Reason::kConflict,
                  fmt::format("An account has at most {} passkeys.", kPasskeysMax));
  }
  return info;
}

Outcome<void> Passkeys::Rename(std::string_view account_id, std::string_view id,
                               std::string_view name) {
  if (!IsPasskeyName(name)) return RefuseName();
  TRY_STORE(const std::int64_t renamed, database_.Write([&](Transaction& t) {
    return t.Execute("UPDATE passkeys SET name = :name WHERE account_id = :account AND id = :id",
                     {name, account_id, id});
  }));
  if (renamed == 0) return Refuse(Reason::kNotFound, "no such passkey");
  return {};
}

Outcome<void> Passkeys::Remove(std::string_view account_id, std::string_view id) {
  TRY_STORE(const std::int64_t removed, database_.Write([&](Transaction& t) {
    return t.Execute("DELETE FROM passkeys WHERE account_id = :account AND id = :id",
                     {account_id, id});
  }));
  if (removed == 0) return Refuse(Reason::kNotFound, "no such passkey");
  return {};
}

Outcome<std::optional<StoredPasskey>> Passkeys::Find(std::string_view credential_id) {
  const std::string credential = crypto::EncodeBase64Url(credential_id);
  TRY_STORE(const auto row, database_.Read([&](Transaction& t) {
    return t.QueryOne(
        "SELECT id, account_id, algorithm, public_key, sign_count, may_be_synced FROM passkeys"
        " WHERE credential_id = :credential",
        {credential});
  }));
  if (!row) return std::nullopt;
  const auto algorithm = crypto::PasskeyAlgorithmOf(row->Number(2));
  std::optional<std::string> key = crypto::DecodeBase64(row->Text(3));
  if (!algorithm || !key) return Refuse(Reason::kInternal, "a passkey's key is damaged");
  return StoredPasskey{.id = row->Text(0),
                       .account_id = row->Text(1),
                       .key = {*algorithm, std::move(*key)},
                       .state = {static_cast<std::uint32_t>(row->Number(4)), row->Flag(5)}};
}

Outcome<void> Passkeys::Use(std::string_view id, std::uint32_t sign_count, TimeMs now) {
  const auto count = static_cast<std::int64_t>(sign_count);
  // One that does not count says 0 each time.
  TRY_STORE(const std::int64_t used, database_.Write([&](Transaction& t) {
    return t.Execute(
        "UPDATE passkeys SET sign_count = :count, last_used_at = :now"
        " WHERE id = :id AND (sign_count < :above OR (sign_count = 0 AND sign_count = :same))",
        {count, now, id, count, count});
  }));
  if (used == 0) return Refuse(Reason::kWrongCredentials, "a passkey's counter went back");
  return {};
}

}  // namespace holdfast::accounts
