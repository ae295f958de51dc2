// Logging to stderr, one line a record. Home of spdlog. Never pass user text or secrets here.
// Thread-safe.
//
// After Init, lines go through a queue of kQueueMax lines to one thread that writes them, so a
// stderr that stalls never holds up whoever logs. What finds the queue full is dropped and counted,
// and the log says how many once there is room. A flood says one thing often: RateLimited lets some
// lines of a kind through and counts the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include <spdlog/spdlog.h>

namespace holdfast::log {

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

inline constexpr std::size_t kQueueMax = 8192;

// Sets pattern and level once at start of main. `process` names the process in each line.
void Init(std::string_view process, spdlog::level::level_enum level = spdlog::level::info);

// Waits until what was logged is written, a second at most. At the end of a process, and before it
// dies of a failed CHECK.
void Flush();

// Lines dropped so far because the queue was full, and held back by a RateLimited.
std::uint64_t dropped_count();
std::uint64_t held_back_count();

// One kind of line. Lines a second over `per_second_max` are held back; the first let through in a
// later second says how many those were.
class RateLimited {
 public:
  explicit RateLimited(int per_second_max) : per_second_max_(per_second_max) {}

  // nullopt: hold this line back. Else how many like it were held back before. `second` is any
  // count of seconds that only grows.
  std::optional<std::uint64_t> Admit(std::int64_t second);

  // Writes a line, or holds it back; then it is not even made.
  template <typename... Args>
  void Write(spdlog::level::level_enum level, fmt::format_string<Args...> format, Args&&... args) {
    if (MayWrite(level)) spdlog::log(level, format, std::forward<Args>(args)...);
  }

 private:
  bool MayWrite(spdlog::level::level_enum level);

  const int per_second_max_;
  std::mutex mutex_;
  std::int64_t second_ = -1;
  int written_ = 0;
  std::uint64_t held_back_ = 0;
};

}  // namespace holdfast::log
