// How a restriction is called outside of the guard: "dec_" and its number in hexadecimal. Numbers
// go on from the time of the start, so that no two decisions of a service are called the same.
// Pure.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "guard/limits/restrictions.h"

namespace holdfast::server {

inline constexpr std::string_view kDecisionPrefix = "dec_";

inline std::string DecisionId(guard::RestrictionId id) {
  return fmt::format("{}{:x}", kDecisionPrefix, id);
}

// nullopt: it is none.
inline std::optional<guard::RestrictionId> FindDecisionId(std::string_view text) {
  if (!text.starts_with(kDecisionPrefix)) return std::nullopt;
  text.remove_prefix(kDecisionPrefix.size());
  guard::RestrictionId id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  if (error != std::errc{} || end != text.data() + text.size() || id == 0) return std::nullopt;
  return id;
}

// Room for a million decisions a second since the start before one meets those of the next.
inline guard::RestrictionId LastDecisionBefore(std::int64_t start_ms) {
  return static_cast<guard::RestrictionId>(start_ms / 1000) << 20;
}

}  // namespace holdfast::server
