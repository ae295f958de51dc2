#include "net/connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include "net/asio.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kReadBytes = 16 << 10;
constexpr std::size_t kWriteBytes = 64 << 10;

}  // namespace

Connection::Connection(std::unique_ptr<Stream> stream, const ConnectionOptions& options)
    : stream_(std::move(stream)),
      options_(options),
      input_event_(stream_->executor()),
      space_event_(stream_->executor()),
      write_timer_(stream_->executor()) {}

std::shared_ptr<Connection> Connection::Start(std::unique_ptr<Stream> stream,
                                              const ConnectionOptions& options) {
  std::shared_ptr<Connection> self(new Connection(std::move(stream), options));
  asio::co_spawn(self->executor(), ReadLoop(self), asio::detached);
  return self;
}

Awaitable<void> Connection::ReadLoop(std::shared_ptr<Connection> self) {
  std::array<char, kReadBytes> bytes;
  while (!self->is_ended_) {
    const std::size_t unread = self->buffer_.size() - self->consumed_;
    if (unread >= self->options_.read_ahead_bytes_max) {
      co_await self->space_event_.Wait(kNoDeadline);
      continue;
    }
    const std::size_t room = std::min(bytes.size(), self->options_.read_ahead_bytes_max - unread);
    const Result<std::size_t> count =
        co_await self->stream_->ReadSome(std::span(bytes.data(), room));
    if (!count) {
      self->End(count.error());
    } else if (*count == 0) {
      self->End(std::nullopt);
    } else {
      if (self->consumed_ > 0) {
        self->buffer_.erase(0, self->consumed_);
        self->consumed_ = 0;
      }
      self->buffer_.append(bytes.data(), *count);
      self->input_event_.Notify();
    }
  }
}

void Connection::End(std::optional<Error> error) {
  if (is_ended_) return;
  is_ended_ = true;
  error_ = std::move(error);
  input_event_.Notify();
  space_event_.Notify();
  if (peer_gone_notify_) std::exchange(peer_gone_notify_, nullptr)();
}

void Connection::Consume(std::size_t count) {
  consumed_ += count;
  space_event_.Notify();
}

Awaitable<Result<bool>> Connection::WaitInput(TimePoint deadline) {
  const std::size_t before = input().size();
  while (input().size() == before && !is_ended_) {
    if (!co_await input_event_.Wait(deadline)) {
      co_return Fail(ErrorCode::kDeadlineExceeded, "no bytes from the peer in time");
    }
  }
  if (input().size() > before) co_return true;
  if (error_) co_return Fail(*error_);
  co_return false;
}

Awaitable<Result<void>> Connection::Write(std::string_view bytes) {
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
  if (is_ended_ && peer_gone_notify_) std::exchange(peer_gone_notify_, nullptr)();
}

}  // namespace holdfast::net
