// UsageBoard: what the answers under way have used so far, where a `kill -9` of this process loses
// none of it: a file mapped into memory, a slot an answer, a counter that is raised with every
// token that is relayed. Whoever starts next finds the slots of answers that did not end, and
// charges them as cut off. (A crash of the machine itself may lose what the kernel had not written:
// seconds.)
//
// Limit: kSlots answers at once; an answer that finds no slot is charged at its end only.
// Thread-safe. Errors: kIo, kPermissionDenied, kCorrupt (no board of ours).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::accounts {

// Of one answer.
struct Usage {
  std::string request_id;
  std::string account_id;
  std::string key_id;  // Empty: none.
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
};

class UsageBoard {
 public:
  static constexpr std::size_t kSlots = 8192;
  static constexpr std::size_t kIdBytesMax = 40;

  [[nodiscard]] static Result<std::unique_ptr<UsageBoard>> Open(const std::filesystem::path& path);
  ~UsageBoard();
  UsageBoard(const UsageBoard&) = delete;
  UsageBoard& operator=(const UsageBoard&) = delete;

  // What was under way when the process before ended. Their slots are taken until Clear.
  std::vector<Usage> TakeUnfinished() const;
  void ClearUnfinished();

  // The line of one answer. Raised from the request's thread; dropping it frees the slot.
  class Line {
   public:
    Line() = default;
    Line(Line&& other) noexcept;
    Line& operator=(Line&& other) noexcept;
    ~Line();
    void SetPrompt(std::int64_t tokens);
    void SetOutput(std::int64_t tokens);

   private:
    friend class UsageBoard;
    Line(UsageBoard& board, std::size_t slot) : board_(&board), slot_(slot) {}
    UsageBoard* board_ = nullptr;
    std::size_t slot_ = 0;
  };
  // Ids longer than kIdBytesMax, and the answer after the last slot, get a line that keeps nothing.
  Line Begin(std::string_view request_id, std::string_view account_id, std::string_view key_id);

 private:
  struct Slot;
  struct File;
  UsageBoard(int fd, File* file);

  const int fd_;
  File* const file_;
  std::mutex mutex_;
  std::vector<std::size_t> free_;
};

}  // namespace holdfast::accounts
