#include "accounts/people.h"

#include <utility>

#include <fmt/format.h>

#include "accounts/names.h"
#include "crypto/random.h"

namespace holdfast::accounts {
namespace {

using store::Row;
using store::Rows;
using store::Transaction;

constexpr std::string_view kColumns =
    "id, name, email, email_verified_at, role, state, restriction_reason, restricted_until,"
    " created_at, last_seen_at, tokens_per_day, balance, requests_at_once, probation_until";

constexpr std::size_t kHashColumn = 14;

Account AccountOf(const Row& row) {
  Account account;
  account.id = row.Text(0);
  account.name = row.Text(1);
  account.email = row.OptionalText(2);
  account.is_email_verified = row.OptionalNumber(3).has_value();
  account.role = RoleOf(row.Text(4));
  account.state = StateOf(row.Text(5));
  if (const auto reason = row.OptionalText(6)) {
    account.restriction = Restriction{*reason, row.OptionalNumber(7)};
  }
  account.created_at = row.Number(8);
  account.last_seen_at = row.Number(9);
  account.tokens_per_day = row.OptionalNumber(10);
  account.balance = row.OptionalNumber(11);
  account.requests_at_once = row.OptionalNumber(12);
  account.probation_until = row.Number(13);
  account.has_password = !row.OptionalText(kHashColumn).value_or("").empty();
  return account;
}

std::string Select(std::string_view where) {
  return fmt::format("SELECT {}, password_hash FROM accounts WHERE {}", kColumns, where);
}

Result<std::optional<Row>> FindRow(store::Database& database, std::string_view where,
                                   const store::Values& values) {
  const std::string sql = Select(where);
  return database.Read([&](Transaction& t) { return t.QueryOne(sql, values); });
}

Outcome<std::optional<Account>> FindAccount(store::Database& database, std::string_view where,
                                            const store::Values& values) {
  TRY_STORE(const std::optional<Row> row, FindRow(database, where, values));
  if (!row) return std::nullopt;
  return AccountOf(*row);
}

Outcome<std::optional<Credentials>> FindBoth(store::Database& database, std::string_view where,
                                             const store::Values& values) {
  TRY_STORE(const std::optional<Row> row, FindRow(database, where, values));
  if (!row) return std::nullopt;
  return Credentials{AccountOf(*row), row->OptionalText(kHashColumn).value_or("")};
}

// In LIKE, what was typed stands for itself, and keys are folded.
std::string Pattern(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return pattern + '%';
}

Result<bool> IsTaken(Transaction& t, std::string_view column, const std::string& key) {
  const std::string sql = fmt::format("SELECT 1 FROM accounts WHERE {} = :key", column);
  TRY_ASSIGN(const auto row, t.QueryOne(sql, {key}));
  return row.has_value();
}

Result<bool> HasOperatorNow(Transaction& t) {
  TRY_ASSIGN(const auto row, t.QueryOne("SELECT 1 FROM accounts WHERE role = 'operator'"));
  return row.has_value();
}

constexpr std::string_view kInsert =
    "INSERT INTO accounts (id, name, name_key, email, email_key, email_verified_at, role, state,"
    " password_hash, created_at, last_seen_at, probation_until)"
    " VALUES (:id, :name, :name_key, :email, :email_key, :verified, :role, :state, :hash, :created,"
    " :seen, :probation)";

// What becomes of a new account; the reason where it does not become one.
struct Creation {
  std::optional<Reason> refusal;
};

}  // namespace

Outcome<Account> People::Insert(const NewAccount& account, bool must_be_first, TimeMs now) {
  const std::optional<std::string> name_key = NameKey(account.name);
  if (!name_key) return Refuse(Reason::kBadRequest, "the name is not allowed");
  std::optional<std::string> email_key;
  if (account.email) {
    email_key = EmailKey(*account.email);
    if (!email_key) return Refuse(Reason::kBadRequest, "the mail address is not allowed");
  }
  const std::optional<TimeMs> verified_at =
      account.is_email_verified ? std::optional(now) : std::nullopt;
  const std::string id = account.id.empty() ? crypto::RandomToken(16) : account.id;
  const auto created = database_.Write([&](Transaction& t) -> Result<Creation> {
    TRY_ASSIGN(const bool has_operator, HasOperatorNow(t));
    if (must_be_first && has_operator) return Creation{Reason::kConflict};
    TRY_ASSIGN(const bool has_name, IsTaken(t, "name_key", *name_key));
    if (has_name) return Creation{Reason::kNameTaken};
    if (email_key) {
      TRY_ASSIGN(const bool has_email, IsTaken(t, "email_key", *email_key));
      if (has_email) return Creation{Reason::kConflict};
    }
    TRY(t.Execute(kInsert, {id, account.name, *name_key, account.email, email_key, verified_at,
                            RoleWord(account.role), StateWord(account.state), account.password_hash,
                            now, now, account.probation_until}));
    if (account.identity) TRY(InsertIdentity(t, id, *account.identity, now));
    return Creation{};
  });
  // Another took it in between.
  if (!created && created.error().code == ErrorCode::kAlreadyExists) {
    return Refuse(Reason::kNameTaken);
  }
  TRY_STORE(const Creation creation, created);
  if (creation.refusal) return Refuse(*creation.refusal);
  const Outcome<std::optional<Account>> found = Find(id);
  if (!found) return std::unexpected(found.error());
  if (!*found) return Refuse(Reason::kInternal, "the new account is gone");
  return **found;
}

Outcome<Account> People::CreateFirstOperator(NewAccount account, TimeMs now) {
  account.role = Role::kOperator;
  account.state = State::kActive;
  return Insert(account, true, now);
}

Outcome<bool> People::HasOperator() {
  TRY_STORE(const bool has_operator,
            database_.Read([](Transaction& t) { return HasOperatorNow(t); }));
  return has_operator;
}

Outcome<std::optional<Account>> People::Find(std::string_view id) {
  return FindAccount(database_, "id = :id", {id});
}

Outcome<std::optional<Credentials>> People::FindToLogIn(std::string_view name_or_email) {
  if (const auto email = EmailKey(name_or_email)) {
    return FindBoth(database_, "email_key = :key", {*email});
  }
  const std::optional<std::string> name = NameKey(name_or_email);
  if (!name) return std::nullopt;
  return FindBoth(database_, "name_key = :key", {*name});
}

Outcome<std::optional<Credentials>> People::FindCredentials(std::string_view id) {
  return FindBoth(database_, "id = :id", {id});
}

Outcome<std::optional<Account>> People::FindByEmail(std::string_view email) {
  const std::optional<std::string> key = EmailKey(email);
  if (!key) return std::nullopt;
  return FindAccount(database_, "email_key = :key", {*key});
}

Outcome<AccountPage> People::List(std::string_view query, std::string_view cursor) {
  // A cursor is the last id of the page before; its time orders the rest.
  const std::string sql = fmt::format(
      "SELECT {}, password_hash FROM accounts"
      " WHERE (name_key LIKE :name ESCAPE '\\' OR COALESCE(email_key, '') LIKE :email ESCAPE '\\')"
      " AND id > :cursor ORDER BY id LIMIT {}",
      kColumns, kPageMax + 1);
  const std::string pattern = Pattern(query);
  TRY_STORE(const Rows rows, database_.Read([&](Transaction& t) {
    return t.Query(sql, {pattern, pattern, cursor});
  }));
  AccountPage page;
  for (const Row& row : rows) page.accounts.push_back(AccountOf(row));
  if (page.accounts.size() > kPageMax) {
    page.accounts.pop_back();
    page.next = page.accounts.back().id;
  }
  return page;
}

Outcome<void> People::Update(std::string_view sql, const store::Values& values) {
  TRY_STORE(const std::int64_t changed,
            database_.Write([&](Transaction& t) { return t.Execute(sql, values); }));
  if (changed == 0) return Refuse(Reason::kNotFound, "no such account");
  return {};
}

Outcome<void> People::Rename(std::string_view id, std::string_view name) {
  const std::optional<std::string> key = NameKey(name);
  if (!key) return Refuse(Reason::kBadRequest, "the name is not allowed");
  const auto changed = database_.Write([&](Transaction& t) {
    return t.Execute("UPDATE accounts SET name = :name, name_key = :key WHERE id = :id",
                     {name, *key, id});
  });
  if (!changed && changed.error().code == ErrorCode::kAlreadyExists) {
    return Refuse(Reason::kNameTaken);
  }
  if (!changed) return std::unexpected(ToRefused(changed.error()));
  if (*changed == 0) return Refuse(Reason::kNotFound, "no such account");
  return {};
}

Outcome<void> People::SetPasswordHash(std::string_view id, std::string_view hash) {
  return Update("UPDATE accounts SET password_hash = :hash WHERE id = :id", {hash, id});
}

Outcome<void> People::SetState(std::string_view id, State state) {
  return Update("UPDATE accounts SET state = :state WHERE id = :id", {StateWord(state), id});
}

Outcome<void> People::EndProbation(std::string_view id) {
  return Update("UPDATE accounts SET probation_until = 0 WHERE id = :id", {id});
}

Outcome<void> People::VerifyEmail(std::string_view id, TimeMs now) {
  return Update(
      "UPDATE accounts SET email_verified_at = :now,"
      " state = CASE WHEN state = 'pending_email' THEN 'active' ELSE state END WHERE id = :id",
      {now, id});
}

Outcome<void> People::Restrict(std::string_view id, const Restriction& restriction) {
  return Update(
      "UPDATE accounts SET restriction_reason = :reason, restricted_until = :until"
      " WHERE id = :id",
      {restriction.reason, restriction.until, id});
}

Outcome<void> People::Unrestrict(std::string_view id) {
  return Update(
      "UPDATE accounts SET restriction_reason = NULL, restricted_until = NULL WHERE id = :id",
      {id});
}

Outcome<void> People::SetTokensPerDay(std::string_view id, std::optional<std::int64_t> tokens) {
  return Update("UPDATE accounts SET tokens_per_day = :tokens WHERE id = :id", {tokens, id});
}

Outcome<void> People::SetRequestsAtOnce(std::string_view id, std::optional<std::int64_t> limit) {
  return Update("UPDATE accounts SET requests_at_once = :limit WHERE id = :id", {limit, id});
}

Outcome<void> People::SetBalance(std::string_view id, std::optional<std::int64_t> tokens) {
  return Update("UPDATE accounts SET balance = :tokens WHERE id = :id", {tokens, id});
}

Outcome<void> People::Delete(std::string_view id) {
  return Update("DELETE FROM accounts WHERE id = :id", {id});
}

}  // namespace holdfast::accounts
