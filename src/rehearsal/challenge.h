// The challenge that a service may ask of who signs up: a nonce such that SHA-256 of "seed:nonce"
// begins with so many zero bits. Pure function; thread-safe.
#pragma once

#include <string_view>

#include "json/json.h"

namespace holdfast::rehearsal {

// The member "challenge" of a sign-up, for what /api/registration answered; null where none is
// asked, or it takes more than some seconds.
json::Value SolveChallenge(std::string_view registration);

}  // namespace holdfast::rehearsal
