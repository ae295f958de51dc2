// CallerKind: who a simulated caller truly is. The label never reaches the guard.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::drill {

enum class CallerKind : std::uint8_t {
  // Honest.
  kRegular,   // A person with an account and days of ordinary use.
  kNewcomer,  // A person who signs up and chats.
  kOffice,    // A person with history behind an address that hundreds share.
  kVisitor,   // A person of a flash crowd.
  kProgram,   // An API program: no page, no think time, retries as the official SDKs do.
  kBatch,     // An API program that nobody waits for.
  kTraced,    // A request of a trace.
  // Hostile.
  kLowRateFlood,      // Many sources, each under every per-source limit.
  kSourceFlood,       // Few sources, each as fast as it can.
  kSlowHead,          // Holds connections by heads that do not end,
  kSlowBody,          // by bodies that do not end,
  kSlowRead,          // by answers that are not taken.
  kHandshakeFlood,    // TLS handshakes and nothing after.
  kStreamResets,      // HTTP/2 streams opened and reset.
  kStuffing,          // Guesses passwords over many accounts.
  kSignUpFlood,       // Signs up in lock-step, then asks for answers.
  kCostLimit,         // Prompts and answers as long as they may be.
  kAbandonedStreams,  // Starts answers and leaves.
  kExtraction,        // Asks systematically, to copy the model.
  kMimic,             // Replays honest traffic: pages, pauses, lengths of real requests.
};
inline constexpr int kCallerKindCount = static_cast<int>(CallerKind::kMimic) + 1;

constexpr bool IsHostile(CallerKind kind) { return kind >= CallerKind::kLowRateFlood; }

// "regular", "low_rate_flood", ...
std::string_view CallerKindWord(CallerKind kind);

// What is true of a caller and what the simulator alone knows of a request.
struct Truth {
  std::uint32_t caller =
      0;  // Index of the caller in its scenario; the same in counterfactual runs.
  std::uint32_t logical = 0;  // Which of the caller's wishes: retries share it.
  CallerKind kind = CallerKind::kRegular;
  bool is_first_visit = false;  // Never seen by the service before this scenario.

  bool is_hostile() const { return IsHostile(kind); }
};

}  // namespace holdfast::drill
