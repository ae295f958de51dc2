// AnswerJournal: an answer is on the disk while it is being written. It arrives in small pieces;
// an AnswerBatch gathers them, and each batch is sealed and appended as a part. So a crash loses at
// most what the batch under way holds: kBatchBytes, or what came within kBatchInterval. When the
// answer ends, its parts become the message and are removed.
//
// Owned by the gateway. The journal is thread-safe; its calls block, so they belong on a
// net::BlockingPool. A RunningAnswer and an AnswerBatch are each of one writer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "conversations/conversation.h"
#include "store/database.h"

namespace holdfast::conversations {

inline constexpr std::size_t kBatchBytes = 2048;
inline constexpr std::chrono::milliseconds kBatchInterval{250};
// Of an answer; store::kRowsMax is more.
inline constexpr std::int64_t kPartsMax = 50'000;

struct AnswerPart {
  std::string content = {};
  std::string reasoning = {};
  std::int64_t tokens = 0;

  bool empty() const { return content.empty() && reasoning.empty() && tokens == 0; }
};

// What has come and is not on the disk yet. Bounded by whoever asks is_due after each Add.
class AnswerBatch {
 public:
  void Add(std::string_view content, std::string_view reasoning, std::int64_t tokens,
           std::int64_t now_ms);
  bool is_due(std::int64_t now_ms) const;
  AnswerPart Take();

 private:
  AnswerPart part_;
  std::int64_t since_ms_ = 0;
};

// An answer that is being written, in the hands of its writer.
struct RunningAnswer {
  std::string account_id = {};
  std::string conversation_id = {};
  std::string message_id = {};
  std::int64_t part_next = 0;
  std::size_t bytes = 0;
};

struct AnswerEnd {
  MessageState state = MessageState::kDone;  // Not kStreaming.
  std::optional<std::string> reason = {};
  AnswerPart last = {};
};

class AnswerJournal {
 public:
  AnswerJournal(store::Database& database, DataKeys keys, NowMs now_ms)
      : database_(database), keys_(std::move(keys)), now_ms_(std::move(now_ms)) {}

  // Writes the empty answer to `parent`. Errors: those of History::Add.
  Result<RunningAnswer> Begin(std::string_view account_id, std::string_view conversation_id,
                              std::string_view parent, std::string_view model);
  // Goes on with one that was cut off; what it has stays. kFailedPrecondition: it is being written,
  // done, or no answer.
  Result<RunningAnswer> Resume(std::string_view account_id, std::string_view conversation_id,
                               std::string_view message_id);

  // When it returns, the part is on the disk. Errors: kNotFound when the answer has been deleted or
  // ended; kTooLarge at kMessageBytesMax or kPartsMax, with nothing written.
  Result<void> Append(RunningAnswer& answer, const AnswerPart& part);
  // Errors: kNotFound as above. What would pass a limit is left out of the message.
  Result<Message> Finish(RunningAnswer& answer, const AnswerEnd& end);

  // At start, before answers begin: what was being written when we died becomes kInterrupted, with
  // all that was appended. Returns how many.
  Result<std::int64_t> MarkInterrupted();

 private:
  Result<void> Interrupt(const std::string& account_id, const std::string& conversation_id,
                         const std::string& message_id);

  store::Database& database_;
  const DataKeys keys_;
  const NowMs now_ms_;
};

}  // namespace holdfast::conversations
