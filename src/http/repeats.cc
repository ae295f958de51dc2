#include "http/repeats.h"

#include <utility>

namespace holdfast::http {

// Whoever was turned away once may go on: only then the next head is worth keeping.
void Repeats::OnHead(std::string_view bytes) {
  again_ = nullptr;
  const bool is_kept = std::exchange(was_turned_away_, false) && bytes.size() <= kHeadBytesMax;
  bytes_ = is_kept ? std::string(bytes) : std::string();
}

void Repeats::OnTurnedAway(std::uint64_t body_bytes, Again again) {
  was_turned_away_ = true;
  if (bytes_.empty()) return;
  body_bytes_ = body_bytes;
  again_ = std::move(again);
}

std::optional<Repeats::Answer> Repeats::TryAnswer(std::string_view input) {
  if (again_ == nullptr || !input.starts_with(bytes_)) return std::nullopt;
  return again_();
}

}  // namespace holdfast::http
