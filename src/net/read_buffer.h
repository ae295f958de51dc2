// The one buffer that the connections of a thread read into, so that one that waits holds none.
// What is in it is taken before anything else may run: no co_await between the two.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>

namespace holdfast::net {

inline constexpr std::size_t kReadBufferBytes = 64 << 10;

inline std::span<char> ThreadReadBuffer() {
  thread_local const auto buffer = std::make_unique<char[]>(kReadBufferBytes);
  return {buffer.get(), kReadBufferBytes};
}

// Appends what was read to `to`. It may be a password: nothing of it stays behind.
inline void TakeRead(std::span<char> read, std::string& to) {
  to.append(read.data(), read.size());
  std::memset(read.data(), 0, read.size());
}

}  // namespace holdfast::net
