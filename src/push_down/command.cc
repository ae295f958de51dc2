#include "push_down/command.h"

#include <charconv>

#include <fmt/format.h>

namespace holdfast::push_down {
namespace {

constexpr std::string_view kAdd = "add ";
constexpr std::string_view kRemove = "remove ";

std::optional<std::chrono::seconds> ParseTerm(std::string_view text) {
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (seconds < 1 || seconds > kTermMax.count()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

std::optional<Command> ParseCommand(std::string_view text) {
  if (text.size() > kCommandBytesMax) return std::nullopt;
  if (text.starts_with(kRemove)) {
    const auto target = Target::Parse(text.substr(kRemove.size()));
    return target ? std::optional(Command{*target, std::nullopt}) : std::nullopt;
  }
  const std::size_t space = text.rfind(' ');
  if (!text.starts_with(kAdd) || space < kAdd.size()) return std::nullopt;
  const auto target = Target::Parse(text.substr(kAdd.size(), space - kAdd.size()));
  const auto term = ParseTerm(text.substr(space + 1));
  return target && term ? std::optional(Command{*target, term}) : std::nullopt;
}

std::string CommandText(const Command& command) {
  const std::string address = command.target.ToString();
  if (!command.term) return fmt::format("{}{}", kRemove, address);
  return fmt::format("{}{} {}", kAdd, address, command.term->count());
}

}  // namespace holdfast::push_down
