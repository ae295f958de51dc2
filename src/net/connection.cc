#include "net/connection.h"

#include <algorithm>
#include <utility>

#include "net/asio.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kWriteBytes = 64 << 10;
// A buffer that has grown over this is given back when it is empty.
constexpr std::size_t kKeptBytesMax = 4 << 10;
// How often a peer whose bytes nobody reads is looked after.
constexpr std::chrono::milliseconds kLookInterval{250};

}  // namespace

Connection::Connection(std::unique_ptr<Stream> stream, const ConnectionOptions& options,
                       std::optional<ConnectionSlot> slot)
    : stream_(std::move(stream)),
      options_(options),
      slot_(std::move(slot)),
      input_event_(stream_->executor()),
      loop_event_(stream_->executor()),
      write_timer_(stream_->executor()) {}

std::shared_ptr<Connection> Connection::Start(std::unique_ptr<Stream> stream,
                                              const ConnectionOptions& options,
                                              std::optional<ConnectionSlot> slot) {
  std::shared_ptr<Connection> self(new Connection(std::move(stream), options, std::move(slot)));
  asio::co_spawn(self->executor(), ReadLoop(self), [self](const std::exception_ptr& exception) {
    if (exception) self->Close();  // No memory for what came.
  });
  if (self->slot_) {
    // The slot, which forgets this when it dies, dies with the connection.
    self->slot_->OnGiveWay(self->executor(), [raw = self.get()] {
      raw->has_given_way_ = true;
      raw->Close();
    });
  }
  return self;
}

Awaitable<void> Connection::ReadLoop(std::shared_ptr<Connection> self) {
  while (!self->is_ended_) {
    if (self->is_input_awaited_ || self->peer_gone_notify_ == nullptr) {
      co_await self->loop_event_.Wait(kNoDeadline);
    } else if (self->Space() == 0) {
      co_await self->WaitForSpace();
    } else {
      self->is_loop_reading_ = true;
      const Result<std::size_t> count =
          co_await self->stream_->AppendSome(self->buffer_, self->Space());
      self->is_loop_reading_ = false;
      self->OnRead(count);
      self->input_event_.Notify();
    }
  }
}

Awaitable<void> Connection::WaitForSpace() {
  if (!expects_input_) {
    Close();
    co_return;
  }
  const TimePoint next_look = Clock::now() + kLookInterval;
  const bool has_space = co_await loop_event_.Wait(next_look);
  if (!has_space && stream_->HasPeerLeft()) End(std::nullopt);
}

void Connection::OnRead(const Result<std::size_t>& count) {
  if (count && *count > 0) return DropConsumed();
  End(count ? std::nullopt : std::optional(count.error()));
}

void Connection::BeginRead(TimePoint deadline) {
  if (!read_watchdog_) {
    read_watchdog_.emplace(executor(), [this] {
      is_read_late_ = true;
      stream_->CancelRead();
    });
  }
  read_watchdog_->Set(deadline);
  is_input_awaited_ = true;
}

bool Connection::EndRead(const Result<std::size_t>& count) {
  is_input_awaited_ = false;
  read_watchdog_->Set(kNoDeadline);
  const bool is_late = std::exchange(is_read_late_, false) && !count;
  if (!is_late) OnRead(count);
  if (peer_gone_notify_ != nullptr) loop_event_.Notify();
  return !is_late || is_ended_;
}

void Connection::DropConsumed() {
  buffer_.erase(0, std::exchange(consumed_, 0));
  if (buffer_.empty() && buffer_.capacity() > kKeptBytesMax) buffer_ = std::string();
}

void Connection::End(std::optional<Error> error) {
  if (is_ended_) return;
  is_ended_ = true;
  error_ = std::move(error);
  input_event_.Notify();
  loop_event_.Notify();
  if (peer_gone_notify_) std::exchange(peer_gone_notify_, nullptr)();
}

void Connection::Consume(std::size_t count) {
  const bool was_full = Space() == 0;
  consumed_ += count;
  if (consumed_ == buffer_.size()) DropConsumed();
  if (was_full) loop_event_.Notify();
}

void Connection::SetUse(ConnectionUse use) {
  use_ = use;
  if (slot_) slot_->SetUse(use, Clock::now());
}

Awaitable<Result<bool>> Connection::WaitInput(TimePoint deadline) {
  if (!held_.empty()) CO_TRY(co_await Write({}));
  const std::size_t before = input().size();
  while (input().size() == before && !is_ended_) {
    bool is_in_time = false;
    if (is_loop_reading_ || Space() == 0) {
      is_in_time = co_await input_event_.Wait(deadline);
    } else {
      BeginRead(deadline);
      const Result<std::size_t> count = co_await stream_->AppendSome(buffer_, Space());
      is_in_time = EndRead(count);
    }
    if (!is_in_time) co_return Fail(ErrorCode::kDeadlineExceeded, "no bytes from the peer in time");
  }
  if (input().size() > before) co_return true;
  if (error_) co_return Fail(*error_);
  co_return false;
}

// Most writes fit what the kernel holds for the peer: those need no timer and no turn of the loop.
std::size_t Connection::WriteNow(std::string_view bytes) {
  if (!held_.empty()) WriteHeld();
  return is_ended_ || !held_.empty() ? 0 : stream_->WriteNow(bytes.substr(0, kWriteBytes));
}

bool Connection::WriteLater(std::string_view bytes) {
  if (held_.size() + bytes.size() > kHeldBytesMax) return false;
  held_ += bytes;
  return true;
}

void Connection::WriteHeld() {
  if (!is_ended_ && !held_.empty()) held_.erase(0, stream_->WriteNow(held_));
}

Awaitable<void> Connection::FinishWrites() {
  if (!held_.empty()) co_await Write({});
  co_await stream_->FinishWrites();
}

Awaitable<Result<void>> Connection::Write(std::string_view bytes) {
  std::string joined;
  if (!held_.empty()) {
    joined = std::exchange(held_, {});
    bytes = joined += bytes;
  }
  bytes.remove_prefix(WriteNow(bytes));
  if (bytes.empty()) co_return Result<void>{};
  const ConnectionUse before = use_;
  SetUse(ConnectionUse::kWriting);
  Result<void> written = co_await WriteParts(bytes);
  SetUse(before);
  co_return written;
}

Awaitable<Result<void>> Connection::WriteParts(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kWriteBytes);
    const std::uint64_t number = ++write_count_;
    write_timer_.expires_after(options_.write_stall_max);
    write_timer_.async_wait(
        [self = shared_from_this(), number](const boost::system::error_code& error) {
          if (error || self->write_count_ != number) return;
          self->is_write_stalled_ = true;
          self->Close();
        });
    const Result<void> written = co_await stream_->WriteAll(part);
    ++write_count_;
    write_timer_.cancel();
    if (is_write_stalled_) {
      co_return Fail(ErrorCode::kDeadlineExceeded, "the peer read nothing for {} ms",
                     options_.write_stall_max.count());
    }
    if (!written) {
      End(written.error());
      co_return written;
    }
    bytes.remove_prefix(part.size());
  }
  co_return Result<void>{};
}

void Connection::Close() {
  stream_->Close();
  End(MakeError(ErrorCode::kCancelled, "connection closed"));
}

void Connection::SetPeerGoneNotify(std::move_only_function<void()> notify) {
  peer_gone_notify_ = std::move(notify);
  if (peer_gone_notify_ == nullptr) return;
  if (is_ended_) return std::exchange(peer_gone_notify_, nullptr)();
  if (!is_loop_reading_) loop_event_.Notify();
}

}  // namespace holdfast::net
