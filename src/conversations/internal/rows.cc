#include "conversations/internal/rows.h"

#include "crypto/random.h"

namespace holdfast::conversations {
namespace {

using store::Row;
using store::Rows;
using store::Transaction;

constexpr std::string_view kMessageColumns =
    "id, parent_id, role, state, reason, tokens, created_at, model, content, reasoning";

Result<void> CheckBytes(std::string_view what, std::size_t bytes, std::size_t bytes_max) {
  if (bytes <= bytes_max) return {};
  return Fail(ErrorCode::kTooLarge, "a {} of {} bytes; at most {}", what, bytes, bytes_max);
}

Result<Message> MessageOf(const ColumnSealer& sealer, const Row& row) {
  const std::string& id = row.Text(0);
  const std::optional<Role> role = ParseRole(row.Text(2));
  const std::optional<MessageState> state = ParseState(row.Text(3));
  if (!role || !state) return Fail(ErrorCode::kCorrupt, "a message of an unknown role or state");
  TRY_ASSIGN(auto model, sealer.Open(kModel, id, row.OptionalText(7)));
  TRY_ASSIGN(auto content, sealer.Open(kContent, id, std::string_view(row.Text(8))));
  TRY_ASSIGN(auto reasoning, sealer.Open(kReasoning, id, row.OptionalText(9)));
  return Message{.id = id,
                 .parent = row.OptionalText(1),
                 .role = *role,
                 .content = std::move(content),
                 .reasoning = std::move(reasoning),
                 .model = std::move(model),
                 .created_at_ms = row.Number(6),
                 .state = *state,
                 .reason = row.OptionalText(4),
                 .tokens = row.OptionalNumber(5)};
}

// One that was interrupted has them when its key was not to be had at the time.
bool MayHaveParts(const Message& message) {
  return message.state == MessageState::kStreaming || message.state == MessageState::kInterrupted;
}

Result<void> AddJournaled(Transaction& t, const ColumnSealer& sealer, Message& message) {
  TRY_ASSIGN(const Rows parts, t.Query("SELECT part, content, reasoning, tokens FROM answer_parts "
                                       "WHERE message_id = :id ORDER BY part",
                                       {message.id}));
  for (const Row& part : parts) {
    const std::string place = fmt::format("{}/{}", message.id, part.Number(0));
    TRY_ASSIGN(const auto content,
               sealer.Open(kPartContent, place, std::string_view(part.Text(1))));
    TRY_ASSIGN(const auto reasoning,
               sealer.Open(kPartReasoning, place, std::string_view(part.Text(2))));
    message.content += content;
    if (!reasoning.empty()) message.reasoning = message.reasoning.value_or("") + reasoning;
    message.tokens = message.tokens.value_or(0) + part.Number(3);
  }
  return {};
}

Result<void> RequireParent(Transaction& t, std::string_view conversation_id,
                           const std::string& parent) {
  TRY_ASSIGN(const auto found,
             t.QueryOne("SELECT 1 FROM messages WHERE id = :id AND conversation_id = :conversation",
                        {parent, conversation_id}));
  if (found) return {};
  return Fail(ErrorCode::kInvalidArgument, "the parent is not a message of this conversation");
}

Result<std::string> FindOrMakeFolder(Transaction& t, const ColumnSealer& sealer,
                                     std::string_view account_id, const std::string& name) {
  TRY(CheckBytes("folder name", name.size(), kFolderBytesMax));
  TRY_ASSIGN(const auto found, FindFolder(t, sealer, account_id, name));
  if (found) return *found;
  TRY_ASSIGN(const auto count,
             t.QueryOne("SELECT COUNT(*) FROM conversation_folders WHERE account_id = :account",
                        {account_id}));
  if (count->Number(0) >= static_cast<std::int64_t>(kFoldersMax)) {
    return Fail(ErrorCode::kTooLarge, "at most {} folders", kFoldersMax);
  }
  std::string id = crypto::RandomToken(16);
  TRY(
      t.Execute("INSERT INTO conversation_folders (id, account_id, name)"
                " VALUES (:id, :account, :name)",
                {id, account_id, sealer.Seal(kFolderName, id, std::string_view(name))}));
  return id;
}

}  // namespace

Result<ColumnSealer> SealerOf(const DataKeys& keys, std::string_view account_id) {
  TRY_ASSIGN(auto key, keys(account_id));
  return ColumnSealer(std::move(key));
}

std::int64_t BytesOf(const Message& message) {
  const std::size_t reasoning = message.reasoning ? message.reasoning->size() : 0;
  return static_cast<std::int64_t>(message.content.size() + reasoning);
}

Result<void> InsertConversation(Transaction& t, const ColumnSealer& sealer,
                                std::string_view account_id, const Conversation& conversation) {
  TRY(CheckBytes("title", conversation.title.size(), kTitleBytesMax));
  TRY_ASSIGN(
      const auto count,
      t.QueryOne("SELECT COUNT(*) FROM conversations WHERE account_id = :account", {account_id}));
  if (count->Number(0) >= kConversationsMax) {
    return Fail(ErrorCode::kTooLarge, "at most {} conversations", kConversationsMax);
  }
  const std::string& id = conversation.id;
  TRY(
      t.Execute("INSERT INTO conversations"
                " (id, account_id, title, created_at, updated_at, pinned, bytes)"
                " VALUES (:id, :account, :title, :created, :updated, :pinned, 0)",
                {id, account_id, sealer.Seal(kTitle, id, std::string_view(conversation.title)),
                 conversation.created_at_ms, conversation.updated_at_ms, conversation.pinned}));
  if (conversation.folder) return PutInFolder(t, sealer, account_id, id, conversation.folder);
  return {};
}

Result<Conversation> ReadConversation(Transaction& t, const ColumnSealer& sealer,
                                      std::string_view account_id, std::string_view id) {
  TRY_ASSIGN(const auto row,
             t.QueryOne("SELECT c.title, c.created_at, c.updated_at, c.pinned, f.id, f.name"
                        " FROM conversations c"
                        " LEFT JOIN conversation_folders f ON f.id = c.folder_id"
                        " WHERE c.id = :id AND c.account_id = :account",
                        {id, account_id}));
  if (!row) return Fail(ErrorCode::kNotFound, "there is no such conversation");
  TRY_ASSIGN(std::string title, sealer.Open(kTitle, id, std::string_view(row->Text(0))));
  TRY_ASSIGN(auto folder,
             sealer.Open(kFolderName, row->OptionalText(4).value_or(""), row->OptionalText(5)));
  return Conversation{.id = std::string(id),
                      .title = std::move(title),
                      .created_at_ms = row->Number(1),
                      .updated_at_ms = row->Number(2),
                      .pinned = row->Flag(3),
                      .folder = std::move(folder)};
}

Result<void> RequireConversation(Transaction& t, std::string_view account_id, std::string_view id) {
  TRY_ASSIGN(const auto row,
             t.QueryOne("SELECT 1 FROM conversations WHERE id = :id AND account_id = :account",
                        {id, account_id}));
  if (!row) return Fail(ErrorCode::kNotFound, "there is no such conversation");
  return {};
}

Result<std::optional<std::string>> FindFolder(Transaction& t, const ColumnSealer& sealer,
                                              std::string_view account_id, std::string_view name) {
  TRY_ASSIGN(const Rows rows,
             t.Query("SELECT id, name FROM conversation_folders WHERE account_id = :account",
                     {account_id}));
  for (const Row& row : rows) {
    TRY_ASSIGN(const auto known,
               sealer.Open(kFolderName, row.Text(0), std::string_view(row.Text(1))));
    if (known == name) return std::optional(row.Text(0));
  }
  return std::optional<std::string>();
}

Result<void> PutInFolder(Transaction& t, const ColumnSealer& sealer, std::string_view account_id,
                         std::string_view id, const std::optional<std::string>& name) {
  std::optional<std::string> folder_id;
  if (name) {
    TRY_ASSIGN(folder_id, FindOrMakeFolder(t, sealer, account_id, *name));
  }
  TRY(t.Execute("UPDATE conversations SET folder_id = :folder WHERE id = :id", {folder_id, id}));
  return RemoveEmptyFolders(t, account_id);
}

Result<void> RemoveEmptyFolders(Transaction& t, std::string_view account_id) {
  TRY(
      t.Execute("DELETE FROM conversation_folders WHERE account_id = :account AND NOT EXISTS"
                " (SELECT 1 FROM conversations c WHERE c.folder_id = conversation_folders.id)",
                {account_id}));
  return {};
}

Result<void> InsertMessage(Transaction& t, const ColumnSealer& sealer, std::string_view account_id,
                           std::string_view conversation_id, const Message& message) {
  TRY(CheckBytes("message", static_cast<std::size_t>(BytesOf(message)), kMessageBytesMax));
  TRY(CheckBytes("model name", message.model.value_or("").size(), kModelBytesMax));
  if (message.parent) TRY(RequireParent(t, conversation_id, *message.parent));
  TRY_ASSIGN(const auto last,
             t.QueryOne("SELECT COALESCE(MAX(place), 0) FROM messages WHERE conversation_id = :id",
                        {conversation_id}));
  const std::int64_t place = last->Number(0) + 1;
  if (place > kMessagesMax) {
    return Fail(ErrorCode::kTooLarge, "at most {} messages in a conversation", kMessagesMax);
  }
  const std::string& id = message.id;
  TRY(
      t.Execute("INSERT INTO messages (id, account_id, conversation_id, place, parent_id, role,"
                " state, reason, tokens, created_at, model, content, reasoning) VALUES (:id,"
                " :account, :conversation, :place, :parent, :role, :state, :reason, :tokens,"
                " :created, :model, :content, :reasoning)",
                {id, account_id, conversation_id, place, message.parent, RoleName(message.role),
                 StateName(message.state), message.reason, message.tokens, message.created_at_ms,
                 sealer.Seal(kModel, id, message.model),
                 sealer.Seal(kContent, id, std::string_view(message.content)),
                 sealer.Seal(kReasoning, id, message.reasoning)}));
  return GrowConversation(t, conversation_id, BytesOf(message), message.created_at_ms);
}

Result<std::vector<Message>> ReadMessages(Transaction& t, const ColumnSealer& sealer,
                                          std::string_view conversation_id) {
  TRY_ASSIGN(const Rows rows,
             t.Query(fmt::format("SELECT {} FROM messages WHERE conversation_id = :id"
                                 " ORDER BY place",
                                 kMessageColumns),
                     {conversation_id}));
  std::vector<Message> messages;
  messages.reserve(rows.size());
  for (const Row& row : rows) {
    TRY_ASSIGN(Message message, MessageOf(sealer, row));
    if (MayHaveParts(message)) TRY(AddJournaled(t, sealer, message));
    messages.push_back(std::move(message));
  }
  return messages;
}

Result<Message> ReadMessage(Transaction& t, const ColumnSealer& sealer,
                            std::string_view conversation_id, std::string_view id) {
  TRY_ASSIGN(const auto row, t.QueryOne(fmt::format("SELECT {} FROM messages WHERE id = :id"
                                                    " AND conversation_id = :conversation",
                                                    kMessageColumns),
                                        {id, conversation_id}));
  if (!row) return Fail(ErrorCode::kNotFound, "there is no such message");
  TRY_ASSIGN(Message message, MessageOf(sealer, *row));
  if (MayHaveParts(message)) TRY(AddJournaled(t, sealer, message));
  return message;
}

Result<void> GrowConversation(Transaction& t, std::string_view id, std::int64_t bytes,
                              std::int64_t updated_at_ms) {
  TRY_ASSIGN(const std::int64_t changed,
             t.Execute("UPDATE conversations SET bytes = bytes + :bytes, updated_at ="
                       " CASE WHEN updated_at > :seen THEN updated_at ELSE :updated END"
                       " WHERE id = :id AND bytes + :more <= :most",
                       {bytes, updated_at_ms, updated_at_ms, id, bytes, kConversationBytesMax}));
  if (changed == 1) return {};
  return Fail(ErrorCode::kTooLarge, "a conversation of more than {} bytes", kConversationBytesMax);
}

}  // namespace holdfast::conversations
