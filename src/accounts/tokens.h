// Tokens: what somebody must hold to be let in: of a session, an API key, a link in a mail. Random,
// told once, and stored as a hash alone, so that who reads the database cannot use one. (A token
// has 256 random bits, so the hash needs neither salt nor cost.) Free functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.h"

namespace holdfast::accounts {

// A new one, behind `prefix`.
Secret NewToken(std::string_view prefix = {});
std::string TokenHash(std::string_view token);

}  // namespace holdfast::accounts
