// TemporaryChats: conversations that are never written anywhere: they are in memory, without a
// title in any list, and gone with the process, or an hour after they were last used. They take
// the calls of History and AnswerJournal that an answer needs, and mean the same.
//
// Owned by the gateway. Thread-safe; no call blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "conversations/answer_journal.h"
#include "conversations/conversation.h"

namespace holdfast::conversations {

// Of all accounts: beyond it the one that was unused for longest goes. Of an account as well.
inline constexpr std::size_t kTemporaryChatsMax = 1'000;
inline constexpr std::size_t kTemporaryChatsOfAccountMax = 20;
// Of one; kTooLarge. All together take at most a gigabyte.
inline constexpr std::int64_t kTemporaryBytesMax = 1 << 20;
inline constexpr std::size_t kTemporaryMessagesMax = 500;
inline constexpr std::int64_t kTemporaryIdleMsMax = 3'600'000;

class TemporaryChats {
 public:
  explicit TemporaryChats(NowMs now_ms) : now_ms_(std::move(now_ms)) {}

  // By its id alone.
  static bool IsTemporary(std::string_view id) { return id.starts_with(kIdPrefix); }

  Result<Conversation> Create(std::string_view account_id, std::string_view title);
  Result<ConversationTree> Get(std::string_view account_id, std::string_view id);
  Result<Message> GetMessage(std::string_view account_id, std::string_view id,
                             std::string_view message_id);
  Result<Message> Add(std::string_view account_id, std::string_view id, Message message);
  Result<void> Delete(std::string_view account_id, std::string_view id);
  Result<void> DeleteAccount(std::string_view account_id);

  Result<RunningAnswer> Begin(std::string_view account_id, std::string_view conversation_id,
                              std::string_view parent, std::string_view model);
  Result<RunningAnswer> Resume(std::string_view account_id, std::string_view conversation_id,
                               std::string_view message_id);
  Result<void> Append(RunningAnswer& answer, const AnswerPart& part);
  Result<Message> Finish(RunningAnswer& answer, const AnswerEnd& end);

 private:
  // No random token of ours has a dot.
  static constexpr std::string_view kIdPrefix = "temporary.";

  struct Chat {
    std::string account_id;
    ConversationTree tree;
    std::int64_t bytes = 0;
    std::int64_t used_at_ms = 0;
  };

  // With the lock held.
  Result<Chat*> Find(std::string_view account_id, std::string_view id);
  Result<Message*> FindIn(Chat& chat, std::string_view message_id);
  void MakeRoom(std::string_view account_id);
  static Result<void> Grow(Chat& chat, std::size_t bytes);
  Result<Message*> FindRunning(const RunningAnswer& answer, Chat*& chat);

  const NowMs now_ms_;
  std::mutex mutex_;
  std::map<std::string, Chat, std::less<>> chats_;
};

}  // namespace holdfast::conversations
