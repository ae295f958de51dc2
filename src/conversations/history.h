// History: the conversations of all accounts, sealed at rest. What names an account sees that
// account's rows alone; a conversation of another is kNotFound.
//
// Temporary chats are never given to it. Titles, folder names, contents, reasoning and names of
// models are sealed under the account's data key; ids, times, the shape of the tree, roles, states
// and counts are not.
//
// Owned by the gateway. Thread-safe; calls block, so they belong on a net::BlockingPool. Limits are
// in conversation.h. Errors: those, kNotFound, kInvalidArgument, and those of the database and the
// keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conversations/conversation.h"
#include "store/database.h"

namespace holdfast::conversations {

// Conversations of one answer of List.
inline constexpr std::size_t kListMax = 100;

struct ConversationPage {
  std::vector<Conversation> conversations;
  // Give it to the next List; nullopt: this was the last.
  std::optional<std::string> next;
};

// What is not named stays.
struct ConversationChange {
  std::optional<std::string> title = {};
  std::optional<bool> pinned = {};
  // An empty name takes it out of its folder.
  std::optional<std::string> folder = {};
};

struct StoredCounts {
  std::int64_t conversations = 0;
  std::int64_t messages = 0;
};

class History {
 public:
  // `database` has the tables of Migrations() and must outlive it.
  History(store::Database& database, DataKeys keys, NowMs now_ms)
      : database_(database), keys_(std::move(keys)), now_ms_(std::move(now_ms)) {}

  Result<Conversation> Create(std::string_view account_id, std::string_view title);
  // Pinned first, then those changed last. `folder`: only those in it.
  Result<ConversationPage> List(std::string_view account_id,
                                const std::optional<std::string>& cursor,
                                const std::optional<std::string>& folder);
  Result<ConversationTree> Get(std::string_view account_id, std::string_view id);
  Result<Conversation> Change(std::string_view account_id, std::string_view id,
                              const ConversationChange& change);
  Result<void> Delete(std::string_view account_id, std::string_view id);
  // All of the account: conversations, folders, shares.
  Result<void> DeleteAccount(std::string_view account_id);

  // `message` gets its id and time here. Its parent, if it names one, is in the conversation.
  Result<Message> Add(std::string_view account_id, std::string_view id, Message message);
  Result<Message> GetMessage(std::string_view account_id, std::string_view id,
                             std::string_view message_id);

  // Stores copies with new ids, one transaction a conversation; those stored before an error stay.
  Result<StoredCounts> Import(std::string_view account_id,
                              const std::vector<ConversationTree>& trees);
  // The ids of all, for who reads them one by one; at most kConversationsMax.
  Result<std::vector<std::string>> Ids(std::string_view account_id);

 private:
  store::Database& database_;
  const DataKeys keys_;
  const NowMs now_ms_;
};

}  // namespace holdfast::conversations
