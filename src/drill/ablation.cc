#include "drill/ablation.h"

#include <algorithm>
#include <array>

namespace holdfast::drill {
namespace {

constexpr std::array<std::string_view, kAblationCount> kWords = {
    "none",          "nobody_known", "reading_attackers",    "crowd_by_api", "browser_pages",
    "fresh_install", "onset_untold", "capacity_from_tokens", "other_engine", "restart"};

}  // namespace

std::string_view AblationWord(Ablation ablation) {
  return kWords[static_cast<std::size_t>(ablation)];
}

std::optional<Ablation> FindAblation(std::string_view word) {
  const auto found = std::ranges::find(kWords, word);
  if (found == kWords.end()) return std::nullopt;
  return static_cast<Ablation>(found - kWords.begin());
}

}  // namespace holdfast::drill
