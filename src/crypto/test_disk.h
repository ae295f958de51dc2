// Stands between a test program and fdatasync: says when a sync happens, and makes it fail. To be
// included by one source of a test program, which holds for the whole program. For tests only.
// Thread-safe, but for setting it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <sys/syscall.h>
#include <unistd.h>

#include "base/random.h"

namespace holdfast::crypto {

struct TestDisk {
  std::atomic<bool> fails = false;
  std::function<void()> before_sync;  // What is written by now is on the disk after it.
};

inline TestDisk& Disk() {
  static TestDisk disk;
  return disk;
}

// A state that a file can be in when the power goes between two syncs: each piece that was written
// since the first is there or not. The pieces are smaller than any disk's sectors, so that nothing
// rests on a sector being written as one.
inline std::string AfterPowerCut(std::string_view before, std::string_view after, Random& random) {
  constexpr std::size_t kPieceBytes = 64;
  std::string bytes(before);
  if (after.size() > before.size() && random.Next() % 2 == 0) bytes.resize(after.size(), '\0');
  for (std::size_t at = 0; at < bytes.size(); at += kPieceBytes) {
    if (random.Next() % 2 == 0) continue;
    const std::string_view piece = after.substr(at, std::min(kPieceBytes, bytes.size() - at));
    bytes.replace(at, piece.size(), piece);
  }
  return bytes;
}

}  // namespace holdfast::crypto

extern "C" [[gnu::used]] inline int fdatasync(int file) {
  holdfast::crypto::TestDisk& disk = holdfast::crypto::Disk();
  if (disk.fails) {
    errno = EIO;
    return -1;
  }
  if (disk.before_sync) disk.before_sync();
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}
