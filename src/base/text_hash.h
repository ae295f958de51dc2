// HashText: 64 bits of a text, for tables and for telling texts apart. Not keyed, and not for
// secrets: crypto/keyed_hash.h is for what an outsider must not foresee.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/mix.h"

namespace holdfast {

// `seed` makes it another function, or goes on from an earlier text's hash.
inline std::uint64_t HashText(std::string_view text, std::uint64_t seed = 0) {
  std::uint64_t hash = Mix64(seed, text.size());
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::string_view part = text.substr(0, sizeof(word));
    std::ranges::copy(part, reinterpret_cast<char*>(&word));
    hash = Mix64(hash, word);
    text.remove_prefix(part.size());
  }
  return hash;
}

}  // namespace holdfast
