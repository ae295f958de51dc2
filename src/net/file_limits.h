// File limits: how many files and sockets this process may hold open, and what to do at the limit.
#pragma once

#include <cstddef>

#include "base/result.h"

namespace holdfast::net {

// Raises the soft limit of open files to the hard one, and says what it is then. Errors:
// kResourceExhausted when that is less than `wanted`; the message names both.
[[nodiscard]] Result<std::size_t> RaiseFileLimit(std::size_t wanted);

// One file held open for nothing, so that when there is no other left one more can be opened, for a
// moment. Single-threaded.
class ReserveFile {
 public:
  ReserveFile() { Take(); }
  ~ReserveFile() { Release(); }
  ReserveFile(const ReserveFile&) = delete;
  ReserveFile& operator=(const ReserveFile&) = delete;

  void Take();
  void Release();

 private:
  int file_ = -1;
};

}  // namespace holdfast::net
