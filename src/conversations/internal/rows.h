// Rows: conversations, messages and parts as they lie in the tables, for the classes of the room.
// Free functions inside a transaction; each takes the sealer of the account the rows belong to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conversations/conversation.h"
#include "conversations/internal/column_sealer.h"
#include "store/database.h"

namespace holdfast::conversations {

[[nodiscard]] Result<ColumnSealer> SealerOf(const DataKeys& keys, std::string_view account_id);

std::int64_t BytesOf(const Message& message);

// Errors: kTooLarge at kConversationsMax or kTitleBytesMax.
[[nodiscard]] Result<void> InsertConversation(store::Transaction& t, const ColumnSealer& sealer,
                                              std::string_view account_id,
                                              const Conversation& conversation);
// kNotFound: the account has none of that id.
[[nodiscard]] Result<Conversation> ReadConversation(store::Transaction& t,
                                                    const ColumnSealer& sealer,
                                                    std::string_view account_id,
                                                    std::string_view id);
[[nodiscard]] Result<void> RequireConversation(store::Transaction& t, std::string_view account_id,
                                               std::string_view id);

// Puts it in the folder of that name, which is made when there is none, or in none; a folder that
// nothing is left in goes. Errors: kTooLarge at kFoldersMax or kFolderBytesMax.
[[nodiscard]] Result<void> PutInFolder(store::Transaction& t, const ColumnSealer& sealer,
                                       std::string_view account_id, std::string_view id,
                                       const std::optional<std::string>& name);
// nullopt: the account has no such folder.
[[nodiscard]] Result<std::optional<std::string>> FindFolder(store::Transaction& t,
                                                            const ColumnSealer& sealer,
                                                            std::string_view account_id,
                                                            std::string_view name);
[[nodiscard]] Result<void> RemoveEmptyFolders(store::Transaction& t, std::string_view account_id);

// Appends one and its bytes to the conversation. Errors: kInvalidArgument when its parent is not
// there, kTooLarge at a limit of conversation.h.
[[nodiscard]] Result<void> InsertMessage(store::Transaction& t, const ColumnSealer& sealer,
                                         std::string_view account_id,
                                         std::string_view conversation_id, const Message& message);
// All in the order they came, those not finished with what is journaled of them.
[[nodiscard]] Result<std::vector<Message>> ReadMessages(store::Transaction& t,
                                                        const ColumnSealer& sealer,
                                                        std::string_view conversation_id);
[[nodiscard]] Result<Message> ReadMessage(store::Transaction& t, const ColumnSealer& sealer,
                                          std::string_view conversation_id, std::string_view id);
// Adds to the conversation's bytes and says when it changed. Errors: kTooLarge.
[[nodiscard]] Result<void> GrowConversation(store::Transaction& t, std::string_view id,
                                            std::int64_t bytes, std::int64_t updated_at_ms);

}  // namespace holdfast::conversations
