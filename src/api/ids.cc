#include "api/ids.h"

#include <random>

#include <fmt/format.h>

namespace holdfast::api {

std::string NewId(std::string_view prefix) {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return fmt::format("{}{:016x}{:016x}", prefix, random(), random());
}

}  // namespace holdfast::api
