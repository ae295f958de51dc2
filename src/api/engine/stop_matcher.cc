#include "api/engine/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace holdfast::api {
namespace {

// Length of the longest end of `text` that begins `stop` without being all of it.
std::size_t BeginningAtEnd(std::string_view text, std::string_view stop) {
  for (std::size_t length = std::min(text.size(), stop.size() - 1); length > 0; --length) {
    if (text.ends_with(stop.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

std::string StopMatcher::Push(std::string_view text) {
  if (has_stopped_) return {};
  if (stops_.empty()) return std::string(text);
  held_ += text;
  std::size_t cut = std::string::npos;
  std::size_t hold = 0;
  for (const std::string& stop : stops_) {
    cut = std::min(cut, held_.find(stop));
    hold = std::max(hold, BeginningAtEnd(held_, stop));
  }
  if (cut != std::string::npos) {
    has_stopped_ = true;
    held_.resize(cut);
    return std::exchange(held_, {});
  }
  std::string shown = held_.substr(0, held_.size() - hold);
  held_.erase(0, shown.size());
  return shown;
}

std::string StopMatcher::Finish() {
  return has_stopped_ ? std::string{} : std::exchange(held_, {});
}

}  // namespace holdfast::api
