#include "accounts/migrations.h"

#include <string_view>
#include <vector>

namespace holdfast::accounts {
namespace {

// Tokens, codes and keys are stored as their hashes only. `*_key` columns hold the folded form that
// must be unique.
std::vector<std::string_view> FirstTables() {
  return {
      "CREATE TABLE accounts ("
      " id TEXT PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE,"
      " email TEXT, email_key TEXT UNIQUE, email_verified_at BIGINT,"
      " role TEXT NOT NULL, state TEXT NOT NULL, password_hash TEXT,"
      " restriction_reason TEXT, restricted_until BIGINT,"
      " created_at BIGINT NOT NULL, last_seen_at BIGINT NOT NULL,"
      " tokens_per_day BIGINT, balance BIGINT)",
      "CREATE INDEX accounts_by_time ON accounts (created_at, id)",
      "CREATE TABLE sessions ("
      " id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE,"
      " account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,"
      " device TEXT NOT NULL, created_at BIGINT NOT NULL, last_used_at BIGINT NOT NULL,"
      " expires_at BIGINT NOT NULL, second_factor_at BIGINT NOT NULL)",
      "CREATE INDEX sessions_by_account ON sessions (account_id)",
      "CREATE TABLE api_keys ("
      " id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE,"
      " account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,"
      " name TEXT NOT NULL, prefix TEXT NOT NULL, created_at BIGINT NOT NULL,"
      " last_used_at BIGINT, expires_at BIGINT, models TEXT NOT NULL, routes TEXT NOT NULL,"
      " tokens_per_day BIGINT)",
      "CREATE INDEX api_keys_by_account ON api_keys (account_id)",
      "CREATE TABLE links ("
      " token_hash TEXT PRIMARY KEY, kind TEXT NOT NULL,"
      " account_id TEXT REFERENCES accounts (id) ON DELETE CASCADE,"
      " expires_at BIGINT NOT NULL)",
      "CREATE INDEX links_by_account ON links (account_id, kind)",
      "CREATE TABLE invitations ("
      " id TEXT PRIMARY KEY, code_hash TEXT NOT NULL UNIQUE, note TEXT NOT NULL,"
      " created_at BIGINT NOT NULL, expires_at BIGINT, uses_left BIGINT NOT NULL)",
      "CREATE TABLE second_factors ("
      " account_id TEXT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,"
      " secret TEXT NOT NULL, is_confirmed BIGINT NOT NULL, last_step BIGINT NOT NULL)",
      "CREATE TABLE recovery_codes ("
      " account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,"
      " code_hash TEXT NOT NULL, PRIMARY KEY (account_id, code_hash))",
      "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
      "CREATE TABLE outbox ("
      " id TEXT PRIMARY KEY, recipient TEXT NOT NULL, subject TEXT NOT NULL,"
      " body TEXT NOT NULL, created_at BIGINT NOT NULL, sent_at BIGINT,"
      " attempts BIGINT NOT NULL, error TEXT)",
      "CREATE TABLE usage_days ("
      " account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,"
      " key_id TEXT NOT NULL, day BIGINT NOT NULL, prompt_tokens BIGINT NOT NULL,"
      " output_tokens BIGINT NOT NULL, answers BIGINT NOT NULL,"
      " PRIMARY KEY (account_id, day, key_id))",
      "CREATE TABLE usage_ledger ("
      " request_id TEXT PRIMARY KEY,"
      " account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,"
      " key_id TEXT NOT NULL, ended_at BIGINT NOT NULL, prompt_tokens BIGINT NOT NULL,"
      " output_tokens BIGINT NOT NULL, was_cut BIGINT NOT NULL)",
      "CREATE INDEX usage_ledger_by_account ON usage_ledger (account_id, ended_at)",
  };
}

std::vector<std::string_view> IdentityTables() {
  return {
      "CREATE TABLE identities ("
      " issuer TEXT NOT NULL, subject TEXT NOT NULL,"
      " account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,"
      " linked_at BIGINT NOT NULL, last_used_at BIGINT,"
      " PRIMARY KEY (issuer, subject), UNIQUE (account_id, issuer))",
      "ALTER TABLE sessions ADD COLUMN provider_login_at BIGINT NOT NULL DEFAULT 0",
  };
}

std::vector<std::string_view> PasskeyTables() {
  return {
      "CREATE TABLE passkeys ("
      " id TEXT PRIMARY KEY,"
      " account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,"
      " credential_id TEXT NOT NULL UNIQUE, algorithm BIGINT NOT NULL, public_key TEXT NOT NULL,"
      " sign_count BIGINT NOT NULL, may_be_synced BIGINT NOT NULL, name TEXT NOT NULL,"
      " created_at BIGINT NOT NULL, last_used_at BIGINT)",
      "CREATE INDEX passkeys_by_account ON passkeys (account_id)",
  };
}

}  // namespace

std::span<const store::Migration> Migrations() {
  static const std::vector<store::Migration> kMigrations = {
      {"people, sessions, keys", FirstTables()},
      {"backups are known",
       {
           "CREATE TABLE backups ("
           " id TEXT PRIMARY KEY, made_at BIGINT NOT NULL, kept_until BIGINT NOT NULL)",
       }},
      {"log-ins at providers", IdentityTables()},
      {"passkeys", PasskeyTables()},
      {"requests at once",
       {
           "ALTER TABLE accounts ADD COLUMN requests_at_once BIGINT",
           "ALTER TABLE api_keys ADD COLUMN requests_at_once BIGINT",
       }},
      {"probation",
       {
           "ALTER TABLE accounts ADD COLUMN probation_until BIGINT NOT NULL DEFAULT 0",
       }},
  };
  return kMigrations;
}

}  // namespace holdfast::accounts
