// What a password must be (NIST SP 800-63B, section 3.1.1): long, not common, and not easy to
// guess. No rule asks for kinds of characters. Pure; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "accounts/account.h"
#include "base/secret.h"

namespace holdfast::accounts {

// Characters (code points) of a password that is the only factor.
inline constexpr std::size_t kPasswordLengthMin = 15;
inline constexpr std::size_t kPasswordBytesMax = 1024;
// Guesses that an attacker who knows how people choose needs, as zxcvbn estimates them: 2^33 is its
// best score.
inline constexpr double kPasswordBitsMin = 33;

// `known`: what guessers try first: the person's name, the parts of the mail address, the service.
// Errors: kWeakPassword, whose detail says why in words for the person.
Outcome<void> CheckPassword(const Secret& password, std::span<const std::string> known);

}  // namespace holdfast::accounts
