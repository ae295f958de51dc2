// Command: all that the helper does when it is told: "add ADDRESS SECONDS" or "remove ADDRESS", and
// nothing else. Pure; value types.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "push_down/target.h"

namespace holdfast::push_down {

inline constexpr std::chrono::seconds kTermMax{600};
inline constexpr std::size_t kCommandBytesMax = 64;

struct Command {
  Target target;
  std::optional<std::chrono::seconds> term;  // 1 to kTermMax; nullopt: remove.
};

// nullopt: it is neither of the two.
std::optional<Command> ParseCommand(std::string_view text);
std::string CommandText(const Command& command);

}  // namespace holdfast::push_down
