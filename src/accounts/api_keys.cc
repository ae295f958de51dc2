#include "accounts/api_keys.h"

#include <algorithm>

#include "accounts/tokens.h"
#include "crypto/random.h"

namespace holdfast::accounts {
namespace {

using store::Row;
using store::Transaction;

constexpr std::size_t kPrefixBytes = 7;
constexpr TimeMs kTouchEvery = 60'000;

// Entries of a scope, a line each.
std::string Joined(const std::vector<std::string>& entries) {
  std::string text;
  for (const std::string& entry : entries) {
    if (!text.empty()) text += '\n';
    text += entry;
  }
  return text;
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> entries;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    entries.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return entries;
}

bool IsScope(const std::vector<std::string>& entries) {
  return entries.size() <= kScopeEntriesMax && std::ranges::all_of(entries, [](const auto& entry) {
           return !entry.empty() && entry.size() <= kScopeEntryBytesMax &&
                  entry.find('\n') == std::string::npos && entry.find('\0') == std::string::npos;
         });
}

bool IsAllowed(const NewKey& key, TimeMs now) {
  return !key.name.empty() && key.name.size() <= kKeyNameBytesMax &&
         key.name.find('\0') == std::string::npos && IsScope(key.scope.models) &&
         IsScope(key.scope.routes) && (!key.expires_at || *key.expires_at > now) &&
         (!key.tokens_per_day || *key.tokens_per_day >= 0) &&
         (!key.requests_at_once ||
          (*key.requests_at_once >= 1 && *key.requests_at_once <= kRequestsAtOnceMax));
}

KeyInfo InfoOf(const Row& row) {
  return {.id = row.Text(0),
          .name = row.Text(1),
          .prefix = row.Text(2),
          .created_at = row.Number(3),
          .last_used_at = row.OptionalNumber(4),
          .expires_at = row.OptionalNumber(5),
          .scope = {Split(row.Text(6)), Split(row.Text(7))},
          .tokens_per_day = row.OptionalNumber(8),
          .requests_at_once = row.OptionalNumber(9)};
}

}  // namespace

Outcome<MadeKey> ApiKeys::Make(std::string_view account_id, const NewKey& key, TimeMs now) {
  if (!IsAllowed(key, now))
    return Refuse(Reason::kBadRequest, "a field of the key is over its limit");
  MadeKey made{NewToken(kKeyPrefix), {}};
  const std::string_view text = made.key.Reveal();
  made.info = {.id = crypto::RandomToken(16),
               .name = key.name,
               .prefix = std::string(text.substr(0, kPrefixBytes)),
               .created_at = now,
               .last_used_at = {},
               .expires_at = key.expires_at,
               .scope = key.scope,
               .tokens_per_day = key.tokens_per_day,
               .requests_at_once = key.requests_at_once};
  const auto inserted = database_.Write([&](Transaction& t) -> Result<bool> {
    TRY_ASSIGN(const auto count,
               t.QueryOne("SELECT COUNT(*) FROM api_keys WHERE account_id = :id", {account_id}));
    if (count->Number(0) >= static_cast<std::int64_t>(kKeysMax)) return false;
    TRY(t.Execute(
        "INSERT INTO api_keys (id, token_hash, account_id, name, prefix, created_at,"
        " expires_at, models, routes, tokens_per_day, requests_at_once)"
        " VALUES (:id, :hash, :account, :name, :prefix, :created, :expires, :models, :routes,"
        " :tokens, :at_once)",
        {made.info.id, TokenHash(text), account_id, key.name, made.info.prefix, now, key.expires_at,
         Joined(key.scope.models), Joined(key.scope.routes), key.tokens_per_day,
         key.requests_at_once}));
    return true;
  });
  TRY_STORE(const bool has_room, inserted);
  if (!has_room) return Refuse(Reason::kConflict, "the account has as many keys as it may");
  return made;
}

Outcome<Identity> ApiKeys::Find(std::string_view key, TimeMs now) {
  const std::string hash = TokenHash(key);
  TRY_STORE(const std::optional<Row> row, database_.Read([&](Transaction& t) {
    return t.QueryOne(
        "SELECT k.id, k.account_id, k.models, k.routes, k.last_used_at, a.name,"
        " a.role, a.state, a.restriction_reason, a.restricted_until, a.created_at,"
        " a.probation_until, a.email_verified_at"
        " FROM api_keys k JOIN accounts a ON a.id = k.account_id"
        " WHERE k.token_hash = :hash AND COALESCE(k.expires_at, :far) > :now",
        {hash, now + 1, now});
  }));
  if (!row) return Refuse(Reason::kUnauthenticated, "no such key");
  Account account;
  if (const auto reason = row->OptionalText(8)) {
    account.restriction = Restriction{*reason, row->OptionalNumber(9)};
  }
  if (account.IsRestricted(now)) return Refuse(Reason::kAccountPaused, account.restriction->reason);
  if (StateOf(row->Text(7)) != State::kActive) {
    return Refuse(Reason::kUnauthenticated, "not yet active");
  }
  if (now - row->OptionalNumber(4).value_or(0) >= kTouchEvery) {
    static_cast<void>(database_.Write([&](Transaction& t) {
      return t.Execute("UPDATE api_keys SET last_used_at = :now WHERE id = :id",
                       {now, row->Text(0)});
    }));
  }
  Identity identity;
  identity.key_id = row->Text(0);
  identity.account_id = row->Text(1);
  identity.scope = {Split(row->Text(2)), Split(row->Text(3))};
  identity.name = row->Text(5);
  identity.role = RoleOf(row->Text(6));
  identity.created_at = row->Number(10);
  identity.probation_until = row->Number(11);
  identity.is_email_verified = row->OptionalNumber(12).has_value();
  return identity;
}

Outcome<std::vector<KeyInfo>> ApiKeys::List(std::string_view account_id) {
  TRY_STORE(const store::Rows rows, database_.Read([&](Transaction& t) {
    return t.Query(
        "SELECT id, name, prefix, created_at, last_used_at, expires_at, models, routes,"
        " tokens_per_day, requests_at_once FROM api_keys WHERE account_id = :account"
        " ORDER BY created_at, id",
        {account_id});
  }));
  std::vector<KeyInfo> keys;
  for (const Row& row : rows) keys.push_back(InfoOf(row));
  return keys;
}

Outcome<void> ApiKeys::Revoke(std::string_view account_id, std::string_view key_id) {
  TRY_STORE(const std::int64_t revoked, database_.Write([&](Transaction& t) {
    return t.Execute("DELETE FROM api_keys WHERE account_id = :account AND id = :id",
                     {account_id, key_id});
  }));
  if (revoked == 0) return Refuse(Reason::kNotFound, "no such key");
  return {};
}

}  // namespace holdfast::accounts
