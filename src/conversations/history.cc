#include "conversations/history.h"

#include <charconv>
#include <unordered_map>

#include "conversations/internal/rows.h"
#include "crypto/random.h"

namespace holdfast::conversations {
namespace {

using store::Row;
using store::Rows;
using store::Transaction;
using store::Values;

// Where a list goes on: after this row.
struct Cursor {
  std::int64_t pinned = 2;  // Before all.
  std::int64_t updated_at_ms = 0;
  std::string id = {};
};

std::string WriteCursor(const Conversation& last) {
  return fmt::format("{}.{}.{}", last.pinned ? 1 : 0, last.updated_at_ms, last.id);
}

bool ReadNumber(std::string_view text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

Result<Cursor> ParseCursor(const std::optional<std::string>& text) {
  Cursor cursor;
  if (!text) return cursor;
  const std::string_view whole = *text;
  const std::size_t first = whole.find('.');
  const std::size_t second = first == whole.npos ? whole.npos : whole.find('.', first + 1);
  if (second == whole.npos || !ReadNumber(whole.substr(0, first), cursor.pinned) ||
      !ReadNumber(whole.substr(first + 1, second - first - 1), cursor.updated_at_ms)) {
    return Fail(ErrorCode::kInvalidArgument, "not a cursor of ours");
  }
  cursor.id = whole.substr(second + 1);
  return cursor;
}

Result<Conversation> ListedOf(const ColumnSealer& sealer, const Row& row) {
  const std::string& id = row.Text(0);
  TRY_ASSIGN(std::string title, sealer.Open(kTitle, id, std::string_view(row.Text(1))));
  TRY_ASSIGN(auto folder,
             sealer.Open(kFolderName, row.OptionalText(5).value_or(""), row.OptionalText(6)));
  return Conversation{.id = id,
                      .title = std::move(title),
                      .created_at_ms = row.Number(2),
                      .updated_at_ms = row.Number(3),
                      .pinned = row.Flag(4),
                      .folder = std::move(folder)};
}

Result<Rows> ListRows(Transaction& t, std::string_view account_id, const Cursor& cursor,
                      const std::optional<std::string>& folder_id) {
  std::string sql =
      "SELECT c.id, c.title, c.created_at, c.updated_at, c.pinned, f.id, f.name"
      " FROM conversations c LEFT JOIN conversation_folders f ON f.id = c.folder_id"
      " WHERE c.account_id = :account"
      " AND (c.pinned, c.updated_at, c.id) < (:pinned, :updated, :id)";
  Values values = {account_id, cursor.pinned, cursor.updated_at_ms, cursor.id};
  if (folder_id) {
    sql += " AND c.folder_id = :folder";
    values.emplace_back(*folder_id);
  }
  sql +=
      fmt::format(" ORDER BY c.pinned DESC, c.updated_at DESC, c.id DESC LIMIT {}", kListMax + 1);
  return t.Query(sql, values);
}

// The same tree with ids of ours, whose parents are known.
Result<std::vector<Message>> WithNewIds(std::vector<Message> messages) {
  std::unordered_map<std::string, std::string> renamed;
  for (Message& message : messages) {
    std::string id = crypto::RandomToken(16);
    if (message.parent) {
      const auto parent = renamed.find(*message.parent);
      if (parent == renamed.end()) {
        return Fail(ErrorCode::kInvalidArgument, "a message stands before its parent");
      }
      message.parent = parent->second;
    }
    renamed.emplace(std::exchange(message.id, id), id);
  }
  return messages;
}

}  // namespace

Result<Conversation> History::Create(std::string_view account_id, std::string_view title) {
  TRY_ASSIGN(const ColumnSealer sealer, SealerOf(keys_, account_id));
  const std::int64_t now_ms = now_ms_();
  Conversation made{.id = crypto::RandomToken(16),
                    .title = std::string(title),
                    .created_at_ms = now_ms,
                    .updated_at_ms = now_ms};
  TRY(database_.Write(
      [&](Transaction& t) { return InsertConversation(t, sealer, account_id, made); }));
  return made;
}

Result<ConversationPage> History::List(std::string_view account_id,
                                       const std::optional<std::string>& cursor,
                                       const std::optional<std::string>& folder) {
  TRY_ASSIGN(const Cursor from, ParseCursor(cursor));
  TRY_ASSIGN(const ColumnSealer sealer, SealerOf(keys_, account_id));
  return database_.Read([&](Transaction& t) -> Result<ConversationPage> {
    std::optional<std::string> folder_id;
    if (folder) {
      TRY_ASSIGN(folder_id, FindFolder(t, sealer, account_id, *folder));
      if (!folder_id) return ConversationPage{};
    }
    TRY_ASSIGN(const Rows rows, ListRows(t, account_id, from, folder_id));
    ConversationPage page;
    for (std::size_t i = 0; i < std::min(rows.size(), kListMax); ++i) {
      TRY_ASSIGN(Conversation listed, ListedOf(sealer, rows[i]));
      page.conversations.push_back(std::move(listed));
    }
    if (rows.size() > kListMax) page.next = WriteCursor(page.conversations.back());
    return page;
  });
}

Result<ConversationTree> History::Get(std::string_view account_id, std::string_view id) {
  TRY_ASSIGN(const ColumnSealer sealer, SealerOf(keys_, account_id));
  return database_.Read([&](Transaction& t) -> Result<ConversationTree> {
    ConversationTree tree;
    TRY_ASSIGN(tree.conversation, ReadConversation(t, sealer, account_id, id));
    TRY_ASSIGN(tree.messages, ReadMessages(t, sealer, id));
    return tree;
  });
}

Result<Conversation> History::Change(std::string_view account_id, std::string_view id,
                                     const ConversationChange& change) {
  if (change.title && change.title->size() > kTitleBytesMax) {
    return Fail(ErrorCode::kTooLarge, "a title of more than {} bytes", kTitleBytesMax);
  }
  TRY_ASSIGN(const ColumnSealer sealer, SealerOf(keys_, account_id));
  return database_.Write([&](Transaction& t) -> Result<Conversation> {
    TRY(RequireConversation(t, account_id, id));
    if (change.title) {
      TRY(t.Execute("UPDATE conversations SET title = :title WHERE id = :id",
                    {sealer.Seal(kTitle, id, std::string_view(*change.title)), id}));
    }
    if (change.pinned) {
      TRY(t.Execute("UPDATE conversations SET pinned = :pinned WHERE id = :id",
                    {*change.pinned, id}));
    }
    if (change.folder) {
      const auto name = change.folder->empty() ? std::nullopt : change.folder;
      TRY(PutInFolder(t, sealer, account_id, id, name));
    }
    return ReadConversation(t, sealer, account_id, id);
  });
}

Result<void> History::Delete(std::string_view account_id, std::string_view id) {
  return database_.Write([&](Transaction& t) -> Result<void> {
    TRY(RequireConversation(t, account_id, id));
    TRY(t.Execute("DELETE FROM conversations WHERE id = :id", {id}));
    return RemoveEmptyFolders(t, account_id);
  });
}

Result<void> History::DeleteAccount(std::string_view account_id) {
  return database_.Write([&](Transaction& t) -> Result<void> {
    TRY(t.Execute("DELETE FROM conversations WHERE account_id = :account", {account_id}));
    return RemoveEmptyFolders(t, account_id);
  });
}

Result<Message> History::Add(std::string_view account_id, std::string_view id, Message message) {
  TRY_ASSIGN(const ColumnSealer sealer, SealerOf(keys_, account_id));
  message.id = crypto::RandomToken(16);
  message.created_at_ms = now_ms_();
  TRY(database_.Write([&](Transaction& t) -> Result<void> {
    TRY(RequireConversation(t, account_id, id));
    return InsertMessage(t, sealer, account_id, id, message);
  }));
  return message;
}

Result<Message> History::GetMessage(std::string_view account_id, std::string_view id,
                                    std::string_view message_id) {
  TRY_ASSIGN(const ColumnSealer sealer, SealerOf(keys_, account_id));
  return database_.Read([&](Transaction& t) -> Result<Message> {
    TRY(RequireConversation(t, account_id, id));
    return ReadMessage(t, sealer, id, message_id);
  });
}

Result<StoredCounts> History::Import(std::string_view account_id,
                                     const std::vector<ConversationTree>& trees) {
  TRY_ASSIGN(const ColumnSealer sealer, SealerOf(keys_, account_id));
  StoredCounts counts;
  for (const ConversationTree& tree : trees) {
    Conversation conversation = tree.conversation;
    conversation.id = crypto::RandomToken(16);
    TRY_ASSIGN(const std::vector<Message> messages, WithNewIds(tree.messages));
    TRY(database_.Write([&](Transaction& t) -> Result<void> {
      TRY(InsertConversation(t, sealer, account_id, conversation));
      for (const Message& message : messages) {
        TRY(InsertMessage(t, sealer, account_id, conversation.id, message));
      }
      return {};
    }));
    ++counts.conversations;
    counts.messages += static_cast<std::int64_t>(messages.size());
  }
  return counts;
}

Result<std::vector<std::string>> History::Ids(std::string_view account_id) {
  return database_.Read([&](Transaction& t) -> Result<std::vector<std::string>> {
    TRY_ASSIGN(const Rows rows, t.Query("SELECT id FROM conversations WHERE account_id = :account"
                                        " ORDER BY created_at, id",
                                        {account_id}));
    std::vector<std::string> ids;
    ids.reserve(rows.size());
    for (const Row& row : rows) ids.push_back(row.Text(0));
    return ids;
  });
}

}  // namespace holdfast::conversations
