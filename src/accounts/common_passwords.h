// Passwords that many people have chosen: what guessers try first. From Mark Burnett's list of ten
// million passwords (public domain, 2015): those of its million most common that have at least
// kPasswordLengthMin characters, in lower case (common_passwords.txt). Thread-safe.
#pragma once

#include <string_view>

namespace holdfast::accounts {

// Capital letters of ASCII count as small ones.
bool IsCommonPassword(std::string_view password);

}  // namespace holdfast::accounts
