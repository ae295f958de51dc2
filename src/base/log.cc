#include "base/log.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include "base/line_queue.h"

namespace holdfast::log {
namespace {

constexpr std::chrono::milliseconds kFlushMax{1'000};

void WriteToStderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDERR_FILENO, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;  // Nobody can be told.
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

LineQueue& Queue() {
  static LineQueue& queue = LineQueue::Make(kQueueMax, WriteToStderr);
  return queue;
}

// Formats where the line is logged; only the writing waits.
class QueueSink final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    Queue().Push(std::string(line.data(), line.size()));
  }
  void flush_() override {}
};

std::atomic<bool> is_initialized = false;
std::atomic<std::uint64_t> held_back_total = 0;

}  // namespace

void Init(std::string_view process, spdlog::level::level_enum level) {
  auto logger =
      std::make_shared<spdlog::logger>(std::string(process), std::make_shared<QueueSink>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %n: %v");
  logger->set_level(level);
  spdlog::set_default_logger(std::move(logger));
  if (!is_initialized.exchange(true)) std::atexit(Flush);
}

void Flush() {
  if (is_initialized) Queue().Flush(kFlushMax);
}

std::uint64_t dropped_count() { return is_initialized ? Queue().dropped_count() : 0; }
std::uint64_t held_back_count() { return held_back_total; }

std::optional<std::uint64_t> RateLimited::Admit(std::int64_t second) {
  const std::lock_guard lock(mutex_);
  if (second != second_) {
    second_ = second;
    written_ = 0;
  }
  if (written_ >= per_second_max_) {
    ++held_back_;
    ++held_back_total;
    return std::nullopt;
  }
  ++written_;
  return std::exchange(held_back_, 0);
}

bool RateLimited::MayWrite(spdlog::level::level_enum level) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto before = Admit(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  if (!before) return false;
  if (*before > 0) spdlog::log(level, "{} more lines like the next", *before);
  return true;
}

}  // namespace holdfast::log
