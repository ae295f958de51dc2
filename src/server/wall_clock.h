// The time that people and files go by. Steps with the machine's clock; waits go by net::Clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace holdfast::server {

// Milliseconds since 1970.
inline std::int64_t WallClockMs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace holdfast::server
