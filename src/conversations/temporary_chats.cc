#include "conversations/temporary_chats.h"

#include <algorithm>

#include "base/check.h"
#include "crypto/random.h"

namespace holdfast::conversations {
namespace {

std::size_t BytesOf(const AnswerPart& part) { return part.content.size() + part.reasoning.size(); }

}  // namespace

Result<Conversation> TemporaryChats::Create(std::string_view account_id, std::string_view title) {
  if (title.size() > kTitleBytesMax) {
    return Fail(ErrorCode::kTooLarge, "a title of more than {} bytes", kTitleBytesMax);
  }
  const std::lock_guard lock(mutex_);
  MakeRoom(account_id);
  Chat chat{.account_id = std::string(account_id), .tree = {}};
  chat.used_at_ms = now_ms_();
  Conversation& made = chat.tree.conversation;
  made.id = std::string(kIdPrefix) + crypto::RandomToken(16);
  made.title = title;
  made.created_at_ms = made.updated_at_ms = chat.used_at_ms;
  return chats_.emplace(made.id, std::move(chat)).first->second.tree.conversation;
}

// A thousand are looked through in less time than a word takes to come.
void TemporaryChats::MakeRoom(std::string_view account_id) {
  const std::int64_t oldest_ms = now_ms_() - kTemporaryIdleMsMax;
  std::erase_if(chats_, [&](const auto& entry) { return entry.second.used_at_ms < oldest_ms; });
  const auto is_own = [&](const auto& entry) { return entry.second.account_id == account_id; };
  const bool is_account_full =
      std::ranges::count_if(chats_, is_own) >= std::int64_t{kTemporaryChatsOfAccountMax};
  if (!is_account_full && chats_.size() < kTemporaryChatsMax) return;
  auto oldest = chats_.end();
  for (auto at = chats_.begin(); at != chats_.end(); ++at) {
    if (is_account_full && !is_own(*at)) continue;
    if (oldest == chats_.end() || at->second.used_at_ms < oldest->second.used_at_ms) oldest = at;
  }
  if (oldest != chats_.end()) chats_.erase(oldest);
}

Result<TemporaryChats::Chat*> TemporaryChats::Find(std::string_view account_id,
                                                   std::string_view id) {
  const auto found = chats_.find(id);
  const std::int64_t now_ms = now_ms_();
  if (found == chats_.end() || found->second.account_id != account_id ||
      found->second.used_at_ms < now_ms - kTemporaryIdleMsMax) {
    return Fail(ErrorCode::kNotFound, "there is no such conversation");
  }
  found->second.used_at_ms = now_ms;
  return &found->second;
}

Result<Message*> TemporaryChats::FindIn(Chat& chat, std::string_view message_id) {
  const auto found = std::ranges::find(chat.tree.messages, message_id, &Message::id);
  if (found == chat.tree.messages.end()) {
    return Fail(ErrorCode::kNotFound, "there is no such message");
  }
  return &*found;
}

Result<void> TemporaryChats::Grow(Chat& chat, std::size_t bytes) {
  if (chat.bytes + static_cast<std::int64_t>(bytes) > kTemporaryBytesMax) {
    return Fail(ErrorCode::kTooLarge, "a temporary chat of more than {} bytes", kTemporaryBytesMax);
  }
  chat.bytes += static_cast<std::int64_t>(bytes);
  return {};
}

Result<ConversationTree> TemporaryChats::Get(std::string_view account_id, std::string_view id) {
  const std::lock_guard lock(mutex_);
  TRY_ASSIGN(const Chat* chat, Find(account_id, id));
  return chat->tree;
}

Result<Message> TemporaryChats::GetMessage(std::string_view account_id, std::string_view id,
                                           std::string_view message_id) {
  const std::lock_guard lock(mutex_);
  TRY_ASSIGN(Chat * chat, Find(account_id, id));
  TRY_ASSIGN(const Message* message, FindIn(*chat, message_id));
  return *message;
}

Result<Message> TemporaryChats::Add(std::string_view account_id, std::string_view id,
                                    Message message) {
  const std::lock_guard lock(mutex_);
  TRY_ASSIGN(Chat * chat, Find(account_id, id));
  if (message.parent && !FindIn(*chat, *message.parent)) {
    return Fail(ErrorCode::kInvalidArgument, "the parent is not a message of this conversation");
  }
  if (chat->tree.messages.size() >= kTemporaryMessagesMax) {
    return Fail(ErrorCode::kTooLarge, "at most {} messages in a temporary chat",
                kTemporaryMessagesMax);
  }
  TRY(Grow(*chat, message.content.size()));
  message.id = crypto::RandomToken(16);
  message.created_at_ms = chat->used_at_ms;
  return chat->tree.messages.emplace_back(std::move(message));
}

Result<void> TemporaryChats::Delete(std::string_view account_id, std::string_view id) {
  const std::lock_guard lock(mutex_);
  TRY(Find(account_id, id));
  chats_.erase(chats_.find(id));
  return {};
}

Result<void> TemporaryChats::DeleteAccount(std::string_view account_id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(chats_, [&](const auto& entry) { return entry.second.account_id == account_id; });
  return {};
}

Result<RunningAnswer> TemporaryChats::Begin(std::string_view account_id,
                                            std::string_view conversation_id,
                                            std::string_view parent, std::string_view model) {
  Message message;
  message.parent = std::string(parent);
  message.role = Role::kAssistant;
  message.model = std::string(model);
  message.state = MessageState::kStreaming;
  TRY_ASSIGN(Message added, Add(account_id, conversation_id, std::move(message)));
  return RunningAnswer{.account_id = std::string(account_id),
                       .conversation_id = std::string(conversation_id),
                       .message_id = std::move(added.id)};
}

Result<RunningAnswer> TemporaryChats::Resume(std::string_view account_id,
                                             std::string_view conversation_id,
                                             std::string_view message_id) {
  const std::lock_guard lock(mutex_);
  TRY_ASSIGN(Chat * chat, Find(account_id, conversation_id));
  TRY_ASSIGN(Message * message, FindIn(*chat, message_id));
  if (message->role != Role::kAssistant || message->state == MessageState::kDone ||
      message->state == MessageState::kStreaming) {
    return Fail(ErrorCode::kFailedPrecondition, "not an answer that was cut off");
  }
  message->state = MessageState::kStreaming;
  message->reason = std::nullopt;
  return RunningAnswer{.account_id = std::string(account_id),
                       .conversation_id = std::string(conversation_id),
                       .message_id = std::string(message_id)};
}

Result<Message*> TemporaryChats::FindRunning(const RunningAnswer& answer, Chat*& chat) {
  TRY_ASSIGN(chat, Find(answer.account_id, answer.conversation_id));
  TRY_ASSIGN(Message * message, FindIn(*chat, answer.message_id));
  if (message->state == MessageState::kStreaming) return message;
  return Fail(ErrorCode::kNotFound, "the answer has ended");
}

Result<void> TemporaryChats::Append(RunningAnswer& answer, const AnswerPart& part) {
  const std::lock_guard lock(mutex_);
  Chat* chat = nullptr;
  TRY_ASSIGN(Message * message, FindRunning(answer, chat));
  TRY(Grow(*chat, BytesOf(part)));
  message->content += part.content;
  if (!part.reasoning.empty()) {
    message->reasoning = message->reasoning.value_or("") + part.reasoning;
  }
  message->tokens = message->tokens.value_or(0) + part.tokens;
  return {};
}

Result<Message> TemporaryChats::Finish(RunningAnswer& answer, const AnswerEnd& end) {
  CHECK(end.state != MessageState::kStreaming);
  // What does not fit any more is left out.
  const Result<void> appended = Append(answer, end.last);
  if (!appended && appended.error().code != ErrorCode::kTooLarge) return Fail(appended.error());
  const std::lock_guard lock(mutex_);
  Chat* chat = nullptr;
  TRY_ASSIGN(Message * message, FindRunning(answer, chat));
  message->state = end.state;
  message->reason = end.reason;
  return *message;
}

}  // namespace holdfast::conversations
