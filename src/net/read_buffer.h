// The one buffer that the connections of a thread read into, so that one that waits holds none.
// What is in it is taken before anything else may run: no co_await between the two.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace holdfast::net {

inline constexpr std::size_t kReadBufferBytes = 64 << 10;

inline std::span<char> ThreadReadBuffer() {
  thread_local const auto buffer = std::make_unique<char[]>(kReadBufferBytes);
  return {buffer.get(), kReadBufferBytes};
}

}  // namespace holdfast::net
