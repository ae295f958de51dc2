#include "conversations/schema.h"

namespace holdfast::conversations {
namespace {

// Sealed are title, name, model, content, reasoning, token and snapshot (internal/column_sealer.h).
// account_id has no foreign key, as the accounts are another room's.
const std::vector<store::Migration> kMigrations = {
    {"conversations and their messages",
     {"CREATE TABLE conversation_folders ("
      " id TEXT PRIMARY KEY, account_id TEXT NOT NULL, name TEXT NOT NULL)",
      "CREATE INDEX conversation_folders_of ON conversation_folders (account_id)",

      "CREATE TABLE conversations ("
      " id TEXT PRIMARY KEY, account_id TEXT NOT NULL, title TEXT NOT NULL,"
      " folder_id TEXT REFERENCES conversation_folders (id), created_at BIGINT NOT NULL,"
      " updated_at BIGINT NOT NULL, pinned BIGINT NOT NULL, bytes BIGINT NOT NULL)",
      "CREATE INDEX conversations_of ON conversations (account_id, pinned, updated_at, id)",
      "CREATE INDEX conversations_in ON conversations (folder_id)",

      "CREATE TABLE messages ("
      " id TEXT PRIMARY KEY, account_id TEXT NOT NULL,"
      " conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,"
      " place BIGINT NOT NULL, parent_id TEXT, role TEXT NOT NULL, state TEXT NOT NULL,"
      " reason TEXT, tokens BIGINT, created_at BIGINT NOT NULL, model TEXT,"
      " content TEXT NOT NULL, reasoning TEXT, UNIQUE (conversation_id, place))",
      "CREATE INDEX messages_of ON messages (account_id, created_at, id)",
      "CREATE INDEX messages_in_state ON messages (state) WHERE state = 'streaming'",

      "CREATE TABLE answer_parts ("
      " message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,"
      " part BIGINT NOT NULL, content TEXT NOT NULL, reasoning TEXT NOT NULL,"
      " tokens BIGINT NOT NULL, PRIMARY KEY (message_id, part))",

      "CREATE TABLE shares ("
      " token_hash TEXT PRIMARY KEY,"
      " conversation_id TEXT NOT NULL UNIQUE REFERENCES conversations (id) ON DELETE CASCADE,"
      " token TEXT NOT NULL, shared_at BIGINT NOT NULL, snapshot TEXT NOT NULL)"}},
};

}  // namespace

std::span<const store::Migration> Migrations() { return kMigrations; }

}  // namespace holdfast::conversations
