#include "base/log.h"

#include <string>

#include <spdlog/sinks/stdout_color_sinks.h>

namespace holdfast::log {

void Init(std::string_view process, spdlog::level::level_enum level) {
  auto logger = spdlog::stderr_color_mt(std::string(process));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %n: %v");
  logger->set_level(level);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace holdfast::log
