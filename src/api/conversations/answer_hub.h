// AnswerHub: the answers that are being written, by the id of their message. Owned by the
// conversation service; thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api/conversations/live_answer.h"

namespace holdfast::api {

// The guard lets far fewer run; each holds at most its text and kLiveBytesMax.
inline constexpr std::size_t kLiveAnswersMax = 10'000;

class AnswerHub {
 public:
  // kQueueFull at kLiveAnswersMax; kDraining after StopAll.
  ApiResult<void> Add(std::shared_ptr<LiveAnswer> answer);
  void Remove(const LiveAnswer& answer);
  // Null: no answer of that account is being written under that id.
  std::shared_ptr<LiveAnswer> Find(std::string_view account_id, std::string_view message_id) const;

  // Ends what is under way; each is kept as far as it came. For the end of the process.
  void StopAll();
  bool is_stopped() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  mutable std::mutex mutex_;
  bool is_stopped_ = false;
  std::unordered_map<std::string, std::shared_ptr<LiveAnswer>, Hash, std::equal_to<>> answers_;
};

}  // namespace holdfast::api
