// LiveAnswer: an answer while it is being written. One writer puts the engine's events in; any
// number of readers, on any thread, take them from the beginning, each at its own pace, and come
// and go as they like: the answer does not wait for them.
//
// It keeps the last kLiveBytesMax of events as they came. What is older is kept as text alone, and
// a reader who comes later gets that text as one event. A reader who falls behind the events that
// are kept is cut off (kSlowReader), and may come again.
//
// Thread-safe. Shared by the writer, the hub and the readers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_error.h"
#include "net/event.h"

namespace holdfast::api {

inline constexpr std::size_t kLiveBytesMax = 256 << 10;
inline constexpr std::size_t kReadersMax = 32;
// Of one Take.
inline constexpr std::size_t kTakeBytesMax = 64 << 10;

struct AnswerIds {
  std::string account_id;
  std::string conversation_id;
  std::string message_id;
};

class LiveAnswer {
 public:
  // `ask_to_stop` is called at most once, on the thread of whoever asks. `content` and `reasoning`
  // are what it has already, when it goes on with one that was cut off.
  LiveAnswer(AnswerIds ids, std::string content, std::string reasoning,
             std::function<void()> ask_to_stop)
      : ids_(std::move(ids)),
        content_(std::move(content)),
        reasoning_(std::move(reasoning)),
        ask_to_stop_(std::move(ask_to_stop)) {}

  const AnswerIds& ids() const { return ids_; }

  // The writer's. `raw` is a whole event.
  void Publish(std::string raw, std::string_view content, std::string_view reasoning,
               std::int64_t tokens);
  // Nothing follows. `failure`: why it is not complete, for every reader.
  void End(std::optional<ApiError> failure);

  // Where a reader stands. A new one stands before all there is.
  struct Cursor {
    std::size_t event = 0;
    bool has_begun = false;
  };
  // Before what is published next.
  Cursor Now() const;
  struct Taken {
    std::string events;  // Empty: there is nothing new.
    bool is_over = false;
    bool is_behind = false;
  };
  Taken Take(Cursor& cursor) const;
  // Of one that is over.
  std::optional<ApiError> failure() const;

  // Leaves when it dies.
  class Reader {
   public:
    Reader(std::shared_ptr<LiveAnswer> answer, std::shared_ptr<net::Event> event)
        : answer_(std::move(answer)), event_(std::move(event)) {}
    ~Reader();
    Reader(Reader&&) = default;
    Reader& operator=(Reader&&) = delete;

   private:
    std::shared_ptr<LiveAnswer> answer_;
    std::shared_ptr<net::Event> event_;
  };
  // `event` is notified of all that is published, and of the end. kYourConcurrency at kReadersMax.
  static ApiResult<Reader> Join(const std::shared_ptr<LiveAnswer>& answer,
                                std::shared_ptr<net::Event> event);

  // The person said stop. The first call counts.
  void AskToStop();
  bool is_stop_asked() const;
  std::int64_t tokens() const;

 private:
  struct Entry {
    std::string raw;
    std::string content;
    std::string reasoning;
  };

  // With the lock held.
  std::string BeginningEvent() const;
  void Wake() const;

  const AnswerIds ids_;
  mutable std::mutex mutex_;
  std::deque<Entry> tail_;
  std::size_t tail_bytes_ = 0;
  std::size_t tail_begin_ = 0;  // How many events are no longer kept.
  std::string content_;         // Of what is no longer kept.
  std::string reasoning_;
  std::int64_t tokens_ = 0;
  bool is_over_ = false;
  bool is_stop_asked_ = false;
  std::optional<ApiError> failure_;
  std::vector<std::shared_ptr<net::Event>> readers_;
  std::function<void()> ask_to_stop_;
};

// A chunk that gives all of these texts at once.
std::string ChunkEvent(std::string_view content, std::string_view reasoning);

}  // namespace holdfast::api
