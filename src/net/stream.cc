#include "net/stream.h"

#include <algorithm>
#include <vector>

namespace holdfast::net {

Awaitable<Result<std::size_t>> Stream::AppendSome(std::string& to, std::size_t bytes_max) {
  constexpr std::size_t kReadBytes = 16 << 10;
  std::vector<char> bytes(std::min(bytes_max, kReadBytes));
  CO_TRY_ASSIGN(const std::size_t count, co_await ReadSome(bytes));
  to.append(bytes.data(), count);
  co_return count;
}

}  // namespace holdfast::net
