// TokenChannel: the bounded channel behind a TokenStream, the one place where I/O threads and the
// engine thread meet. Shared by the two ends: the engine thread writes; the reader, any one thread
// at a time, takes, waits to be notified, cancels. Thread-safe; one leaf lock, held for the length
// of a swap or of the reader's quick `notify`.
//
// Invariants: nothing follows the finish; at most `capacity` tokens wait; after SetNotify or the
// reader's destructor has returned, the old notify is not running and never runs again.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "engine/engine.h"

namespace holdfast::engine {

class TokenChannel {
 public:
  explicit TokenChannel(std::int64_t capacity) : capacity_(capacity) {}

  // Writer. False when the reader is `capacity` tokens behind: the token was not taken.
  [[nodiscard]] bool Push(TokenEvent event, const Usage& usage);
  void Finish(FinishReason reason, const Usage& usage);
  bool is_cancelled() const { return is_cancelled_.load(std::memory_order_relaxed); }

  // Reader.
  TokenStream::Batch Take();
  void SetNotify(std::move_only_function<void()> notify);
  void Cancel() { is_cancelled_.store(true, std::memory_order_relaxed); }

 private:
  void Notify();

  const std::int64_t capacity_;
  std::atomic<bool> is_cancelled_{false};
  std::mutex mutex_;
  TokenStream::Batch waiting_;  // What Take gives next.
  bool is_finished_ = false;
  std::move_only_function<void()> notify_;
};

// The reading end; dropping it cancels.
std::unique_ptr<TokenStream> MakeTokenStream(std::shared_ptr<TokenChannel> channel);

}  // namespace holdfast::engine
