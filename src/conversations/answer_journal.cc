#include "conversations/answer_journal.h"

#include <utility>
#include <vector>

#include "base/check.h"
#include "conversations/internal/rows.h"
#include "crypto/random.h"

namespace holdfast::conversations {
namespace {

using store::Row;
using store::Rows;
using store::Transaction;

// Answers that MarkInterrupted reads at once.
constexpr int kInterruptedPage = 100;

std::size_t SizeOf(const AnswerPart& part) { return part.content.size() + part.reasoning.size(); }

Result<void> RequireRunning(Transaction& t, std::string_view message_id) {
  TRY_ASSIGN(
      const auto row,
      t.QueryOne("SELECT 1 FROM messages WHERE id = :id AND state = 'streaming'", {message_id}));
  if (row) return {};
  return Fail(ErrorCode::kNotFound, "the answer has been deleted or has ended");
}

void AddLast(Message& message, const AnswerPart& last) {
  message.tokens = message.tokens.value_or(0) + last.tokens;
  if (static_cast<std::size_t>(BytesOf(message)) + SizeOf(last) > kMessageBytesMax) return;
  message.content += last.content;
  if (!last.reasoning.empty()) {
    message.reasoning = message.reasoning.value_or("") + last.reasoning;
  }
}

// The message as it is to be, in place of its parts.
Result<void> JoinParts(Transaction& t, const ColumnSealer& sealer, const Message& message) {
  const std::string& id = message.id;
  TRY(
      t.Execute("UPDATE messages SET state = :state, reason = :reason, tokens = :tokens,"
                " content = :content, reasoning = :reasoning WHERE id = :id",
                {StateName(message.state), message.reason, message.tokens,
                 sealer.Seal(kContent, id, std::string_view(message.content)),
                 sealer.Seal(kReasoning, id, message.reasoning), id}));
  TRY(t.Execute("DELETE FROM answer_parts WHERE message_id = :id", {id}));
  return {};
}

// Returns how many bytes it has. They leave the conversation's count until the answer ends again.
Result<std::int64_t> Reopen(Transaction& t, const ColumnSealer& sealer, std::string_view account_id,
                            std::string_view conversation_id, std::string_view message_id) {
  TRY(RequireConversation(t, account_id, conversation_id));
  TRY_ASSIGN(Message message, ReadMessage(t, sealer, conversation_id, message_id));
  if (message.role != Role::kAssistant || message.state == MessageState::kDone ||
      message.state == MessageState::kStreaming) {
    return Fail(ErrorCode::kFailedPrecondition, "not an answer that was cut off");
  }
  message.state = MessageState::kStreaming;
  message.reason = std::nullopt;
  TRY(JoinParts(t, sealer, message));
  TRY(GrowConversation(t, conversation_id, -BytesOf(message), message.created_at_ms));
  return BytesOf(message);
}

}  // namespace

void AnswerBatch::Add(std::string_view content, std::string_view reasoning, std::int64_t tokens,
                      std::int64_t now_ms) {
  if (part_.empty()) since_ms_ = now_ms;
  part_.content += content;
  part_.reasoning += reasoning;
  part_.tokens += tokens;
}

bool AnswerBatch::is_due(std::int64_t now_ms) const {
  if (part_.empty()) return false;
  return SizeOf(part_) >= kBatchBytes || now_ms - since_ms_ >= kBatchInterval.count();
}

AnswerPart AnswerBatch::Take() { return std::exchange(part_, {}); }

Result<RunningAnswer> AnswerJournal::Begin(std::string_view account_id,
                                           std::string_view conversation_id,
                                           std::string_view parent, std::string_view model) {
  TRY_ASSIGN(const ColumnSealer sealer, SealerOf(keys_, account_id));
  Message message{.id = crypto::RandomToken(16),
                  .parent = std::string(parent),
                  .role = Role::kAssistant,
                  .model = std::string(model),
                  .created_at_ms = now_ms_(),
                  .state = MessageState::kStreaming};
  TRY(database_.Write([&](Transaction& t) -> Result<void> {
    TRY(RequireConversation(t, account_id, conversation_id));
    return InsertMessage(t, sealer, account_id, conversation_id, message);
  }));
  return RunningAnswer{.account_id = std::string(account_id),
                       .conversation_id = std::string(conversation_id),
                       .message_id = std::move(message.id)};
}

Result<RunningAnswer> AnswerJournal::Resume(std::string_view account_id,
                                            std::string_view conversation_id,
                                            std::string_view message_id) {
  TRY_ASSIGN(const ColumnSealer sealer, SealerOf(keys_, account_id));
  TRY_ASSIGN(const std::int64_t bytes, database_.Write([&](Transaction& t) {
    return Reopen(t, sealer, account_id, conversation_id, message_id);
  }));
  return RunningAnswer{.account_id = std::string(account_id),
                       .conversation_id = std::string(conversation_id),
                       .message_id = std::string(message_id),
                       .bytes = static_cast<std::size_t>(bytes)};
}

Result<void> AnswerJournal::Append(RunningAnswer& answer, const AnswerPart& part) {
  if (part.empty()) return {};
  if (answer.bytes + SizeOf(part) > kMessageBytesMax || answer.part_next >= kPartsMax) {
    return Fail(ErrorCode::kTooLarge, "an answer of more than {} bytes or {} parts",
                kMessageBytesMax, kPartsMax);
  }
  const std::string place = fmt::format("{}/{}", answer.message_id, answer.part_next);
  TRY_ASSIGN(const ColumnSealer sealer, SealerOf(keys_, answer.account_id));
  TRY(database_.Write([&](Transaction& t) -> Result<void> {
    TRY(RequireRunning(t, answer.message_id));
    TRY(t.Execute(
        "INSERT INTO answer_parts (message_id, part, content, reasoning, tokens)"
        " VALUES (:id, :part, :content, :reasoning, :tokens)",
        {answer.message_id, answer.part_next,
         sealer.Seal(kPartContent, place, std::string_view(part.content)),
         sealer.Seal(kPartReasoning, place, std::string_view(part.reasoning)), part.tokens}));
    return {};
  }));
  ++answer.part_next;
  answer.bytes += SizeOf(part);
  return {};
}

Result<Message> AnswerJournal::Finish(RunningAnswer& answer, const AnswerEnd& end) {
  CHECK(end.state != MessageState::kStreaming);
  TRY_ASSIGN(const ColumnSealer sealer, SealerOf(keys_, answer.account_id));
  return database_.Write([&](Transaction& t) -> Result<Message> {
    TRY(RequireRunning(t, answer.message_id));
    TRY_ASSIGN(Message message, ReadMessage(t, sealer, answer.conversation_id, answer.message_id));
    AddLast(message, end.last);
    message.state = end.state;
    message.reason = end.reason;
    TRY(JoinParts(t, sealer, message));
    // A conversation that is full keeps the answer; the next message is refused.
    TRY(
        t.Execute("UPDATE conversations SET bytes = bytes + :bytes, updated_at = :now"
                  " WHERE id = :id",
                  {BytesOf(message), now_ms_(), answer.conversation_id}));
    return message;
  });
}

Result<std::int64_t> AnswerJournal::MarkInterrupted() {
  std::int64_t count = 0;
  for (;;) {
    TRY_ASSIGN(const Rows rows, database_.Read([&](Transaction& t) {
      return t.Query(
          fmt::format("SELECT account_id, conversation_id, id FROM messages"
                      " WHERE state = 'streaming' ORDER BY id LIMIT {}",
                      kInterruptedPage));
    }));
    if (rows.empty()) return count;
    for (const Row& row : rows) TRY(Interrupt(row.Text(0), row.Text(1), row.Text(2)));
    count += static_cast<std::int64_t>(rows.size());
  }
}

Result<void> AnswerJournal::Interrupt(const std::string& account_id,
                                      const std::string& conversation_id,
                                      const std::string& message_id) {
  RunningAnswer answer{
      .account_id = account_id, .conversation_id = conversation_id, .message_id = message_id};
  const Result<Message> ended = Finish(answer, {.state = MessageState::kInterrupted});
  if (ended) return {};
  if (ended.error().code != ErrorCode::kNotFound && ended.error().code != ErrorCode::kCorrupt) {
    return Fail(ended.error());
  }
  // Without its key nobody can read it; one account must not keep the service from starting.
  return database_.Write([&](Transaction& t) -> Result<void> {
    TRY(t.Execute("UPDATE messages SET state = 'interrupted' WHERE id = :id", {message_id}));
    return {};
  });
}

}  // namespace holdfast::conversations
