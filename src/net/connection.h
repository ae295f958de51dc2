// Connection: a Stream with a bounded read-ahead buffer, writes that may not stall, and a word when
// the peer leaves. Whoever waits for input reads it; while somebody wants to know whether the peer
// is there, reading goes on in the background, which is how a peer that hangs up is noticed while
// its answer is being made. One that waits holds no buffer. Shared by the coroutine that serves it
// and its own read loop.
//
// A server's connection holds its slot, says what it does, and closes when it has to give way.
//
// Limits: `read_ahead_bytes_max` unread bytes: then it reads no further and only looks now and then
// whether the peer is there; where no input is expected it is closed, because a peer that leaves
// behind more than that cannot be seen to leave. Every 64 KiB written must
// leave within `write_stall_max`, else the connection is closed (a reader too slow).
// Single-threaded: everything on the stream's I/O thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/steady_timer.hpp>

#include "net/awaitable.h"
#include "net/connection_quota.h"
#include "net/event.h"
#include "net/stream.h"
#include "net/watchdog.h"

namespace holdfast::net {

struct ConnectionOptions {
  std::size_t read_ahead_bytes_max = 64 << 10;
  std::chrono::milliseconds write_stall_max{30'000};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // A client's has no slot.
  static std::shared_ptr<Connection> Start(std::unique_ptr<Stream> stream,
                                           const ConnectionOptions& options,
                                           std::optional<ConnectionSlot> slot = std::nullopt);
  ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Unread bytes; valid until the next co_await.
  std::string_view input() const { return std::string_view(buffer_).substr(consumed_); }
  void Consume(std::size_t count);
  // Whether somebody is going to read what comes, as at first.
  void ExpectInput(bool expects) { expects_input_ = expects; }
  // Waits until there is more input than before the call. False: the peer has sent its last byte.
  // Errors: kDeadlineExceeded (the connection stays usable), kIo.
  Awaitable<Result<bool>> WaitInput(TimePoint deadline);

  // Errors: kDeadlineExceeded (stalled; the connection is closed now), kIo.
  Awaitable<Result<void>> Write(std::string_view bytes);
  // Writes what the kernel takes at once, maybe nothing, and returns how much. Not while a Write is
  // under way.
  std::size_t WriteNow(std::string_view bytes);
  // Keeps a few bytes for the next Write, so that what came in one read is answered in one write.
  // They go before input is waited for, at the latest. False: it holds kHeldBytesMax already.
  [[nodiscard]] bool WriteLater(std::string_view bytes);
  static constexpr std::size_t kHeldBytesMax = 32 << 10;
  // Writes what it holds, as far as the kernel takes it at once.
  void WriteHeld();
  Awaitable<void> FinishWrites();
  void Close();

  // See ConnectionSlot. Writing says so itself.
  void SetUse(ConnectionUse use);
  bool BeginLongAnswer() { return !slot_ || slot_->BeginLongAnswer(); }
  // It was closed to make room for another.
  bool has_given_way() const { return has_given_way_; }

  // The peer has closed or the connection broke, as far as reading went.
  bool is_peer_gone() const { return is_ended_; }
  // Called once when the peer goes, which is watched from then on; replaces an earlier one; empty
  // for none.
  void SetPeerGoneNotify(std::move_only_function<void()> notify);

  Executor executor() { return stream_->executor(); }

 private:
  Connection(std::unique_ptr<Stream> stream, const ConnectionOptions& options,
             std::optional<ConnectionSlot> slot);
  static Awaitable<void> ReadLoop(std::shared_ptr<Connection> self);
  Awaitable<void> WaitForSpace();
  // Around a read by who waits for input. False: nothing came in time.
  void BeginRead(TimePoint deadline);
  bool EndRead(const Result<std::size_t>& count);
  void OnRead(const Result<std::size_t>& count);
  std::size_t Space() const {
    return options_.read_ahead_bytes_max - std::min(input().size(), options_.read_ahead_bytes_max);
  }
  Awaitable<Result<void>> WriteParts(std::string_view bytes);
  void DropConsumed();
  void End(std::optional<Error> error);

  std::unique_ptr<Stream> stream_;
  ConnectionOptions options_;
  std::optional<ConnectionSlot> slot_;
  ConnectionUse use_ = ConnectionUse::kReading;
  bool has_given_way_ = false;
  bool expects_input_ = true;
  std::string buffer_;
  std::size_t consumed_ = 0;
  std::string held_;  // Written before anything else is.
  bool is_ended_ = false;
  std::optional<Error> error_;  // Why it ended, when not by the peer's orderly close.
  Event input_event_;
  Event loop_event_;  // Of the read loop, for space or for something to do.
  bool is_loop_reading_ = false;
  bool is_input_awaited_ = false;  // And read by who waits for it.
  bool is_read_late_ = false;
  std::optional<Watchdog> read_watchdog_;
  std::move_only_function<void()> peer_gone_notify_;
  boost::asio::steady_timer write_timer_;
  std::uint64_t write_count_ = 0;
  bool is_write_stalled_ = false;
};

}  // namespace holdfast::net
