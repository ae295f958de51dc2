// PiecesStream: a peer whose bytes arrive in pieces of one size. Single-threaded.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "net/asio.h"
#include "net/stream.h"

namespace holdfast::fuzz {

// Gives `bytes` in pieces, then the end; swallows what is written.
class PiecesStream final : public net::Stream {
 public:
  PiecesStream(net::Executor executor, std::string_view bytes, std::size_t piece_bytes)
      : executor_(std::move(executor)), bytes_(bytes), piece_bytes_(piece_bytes) {}

  net::Executor executor() override { return executor_; }
  net::Awaitable<Result<std::size_t>> ReadSome(std::span<char> buffer) override {
    // As from a socket: others run between two pieces.
    co_await net::asio::post(executor_, net::asio::use_awaitable);
    const std::size_t count = std::min({buffer.size(), piece_bytes_, bytes_.size()});
    std::copy_n(bytes_.begin(), count, buffer.begin());
    bytes_.remove_prefix(count);
    co_return count;
  }
  net::Awaitable<Result<void>> WriteAll(std::string_view) override { co_return Result<void>{}; }
  net::Awaitable<void> FinishWrites() override { co_return; }
  void Close() override { bytes_ = {}; }

 private:
  net::Executor executor_;
  std::string_view bytes_;
  std::size_t piece_bytes_;
};

}  // namespace holdfast::fuzz
