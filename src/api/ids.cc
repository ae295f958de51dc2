#include "api/ids.h"

#include <cstdint>
#include <random>

namespace holdfast::api {

std::string NewId(std::string_view prefix) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  thread_local std::mt19937_64 random{std::random_device{}()};
  std::string id(prefix.size() + 32, '\0');
  auto end = id.end();
  for (int half = 0; half < 2; ++half) {
    std::uint64_t bits = random();
    for (int digit = 0; digit < 16; ++digit, bits >>= 4) *--end = kDigits[bits & 15];
  }
  prefix.copy(id.data(), prefix.size());
  return id;
}

}  // namespace holdfast::api
