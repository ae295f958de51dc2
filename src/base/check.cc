#include "base/check.h"

#include <cstdio>
#include <cstdlib>

#include "base/log.h"

namespace holdfast {

void CheckFailed(const char* file, int line, const char* condition, std::string_view message) {
  fmt::print(stderr, "{}:{}: CHECK failed: {} {}\n", file, line, condition, message);
  std::fflush(stderr);
  log::Flush();
  std::abort();
}

}  // namespace holdfast
