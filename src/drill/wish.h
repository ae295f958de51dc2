// Wish: something a caller wants from the service, over all its attempts. Lives in a slot of World,
// which is also its name in the engine and at the front door. Value type.
#pragma once

#include <cstdint>

#include "guard/facts.h"

namespace holdfast::drill {

struct Wish {
  enum class State : std::uint8_t {
    kFree,
    kArriving,  // Waits for the CPU of the handshake.
    kAtDoor,    // In the door's queue.
    kInEngine,
    kInHash,     // Its password is being checked.
    kNowhere,    // Sent, but it does not reach the host.
    kBackingOff  // Between attempts.
  };

  guard::RequestFacts facts;  // Of the current attempt.
  guard::Time first_arrival{};
  guard::Time started{};             // When the current attempt entered the engine,
  guard::Time first_token{};         // and had its first token; Time{}: not yet.
  guard::Duration patience{0};       // For the first token of an attempt.
  guard::Duration leaves_after{-1};  // From the first token; negative: reads to the end.
  guard::Duration expected_wait{0};  // First estimate, if the current attempt waits.
  std::uint32_t caller = 0;
  std::uint32_t logical = 0;
  std::uint32_t generation = 0;  // Tells timers of earlier attempts and wishes apart.
  std::uint32_t output_tokens = 0;
  State state = State::kFree;
  bool opens_connection = false;
  bool has_wrong_password = false;
  bool reads = true;     // Takes every byte as it comes.
  bool is_file = false;  // Of a page: nothing follows from its end.
  bool is_good = false;  // Some attempt was answered within the service level.
  bool is_served = false;
  bool was_blocked = false;
};

}  // namespace holdfast::drill
