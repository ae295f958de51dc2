// Stop: the one word that ends what is under way for a request, and why: its client left, its time
// is over, the process shuts down, a limit was reached. The first reason holds. Whoever waits for
// the request's sake (a queue, an engine's stream, a timer) listens; any number may.
//
// Single-threaded: everything on the I/O thread of the executor. A source must outlive its
// listeners.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>

#include <boost/asio/steady_timer.hpp>

#include "net/awaitable.h"

namespace holdfast::net {

enum class StopReason : std::uint8_t { kNone, kClientLeft, kDeadline, kShutdown, kLimit };
inline constexpr int kStopReasonCount = static_cast<int>(StopReason::kLimit) + 1;

class StopSource {
 private:
  using Callbacks = std::list<std::move_only_function<void()>>;

 public:
  // Stops listening when it dies.
  class Listener {
   public:
    Listener() = default;
    Listener(Listener&& other) noexcept;
    Listener& operator=(Listener&& other) noexcept;
    ~Listener() { Leave(); }

   private:
    friend class StopSource;
    Listener(StopSource& source, Callbacks::iterator at) : source_(&source), at_(at) {}
    void Leave();

    StopSource* source_ = nullptr;
    Callbacks::iterator at_;
  };

  explicit StopSource(const Executor& executor) : timer_(executor) {}
  ~StopSource();
  StopSource(const StopSource&) = delete;
  StopSource& operator=(const StopSource&) = delete;

  // The first call counts; each listener is called once.
  void Stop(StopReason reason);
  // Stops with kDeadline then; replaces an earlier time. kNoDeadline: never.
  void StopAt(TimePoint deadline);

  bool is_stopped() const { return reason_ != StopReason::kNone; }
  StopReason reason() const { return reason_; }
  // Called at once when it has stopped already.
  [[nodiscard]] Listener OnStop(std::move_only_function<void()> callback);

 private:
  StopReason reason_ = StopReason::kNone;
  Callbacks callbacks_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<StopSource*> due_;  // What the timer finds; null: no time is set.
};

}  // namespace holdfast::net
