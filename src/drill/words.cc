// The closed lists of words for the kinds of things in a scenario.
#include <array>

#include "drill/caller_kind.h"
#include "drill/scenario.h"

namespace holdfast::drill {

std::string_view CallerKindWord(CallerKind kind) {
  static constexpr std::array<std::string_view, kCallerKindCount> kWords = {
      "regular",         "newcomer",       "office",
      "visitor",         "program",        "batch",
      "traced",          "low_rate_flood", "source_flood",
      "slow_head",       "slow_body",      "slow_read",
      "handshake_flood", "stream_resets",  "stuffing",
      "sign_up_flood",   "cost_limit",     "abandoned_streams",
      "extraction",      "mimic"};
  return kWords[static_cast<std::size_t>(kind)];
}

std::string_view FaultKindWord(FaultKind kind) {
  static constexpr std::array<std::string_view, kFaultKindCount> kWords = {
      "slow", "stall", "workers_down", "crash", "small_batch", "tight_limits", "uplink", "blind"};
  return kWords[static_cast<std::size_t>(kind)];
}

std::string_view DoorKindWord(DoorKind kind) {
  static constexpr std::array<std::string_view, kDoorKindCount> kWords = {
      "guard", "fifo", "address_limit", "source_ban", "adaptive_limit"};
  return kWords[static_cast<std::size_t>(kind)];
}

}  // namespace holdfast::drill
