// Names and mail addresses: what is allowed, and the folded form by which two are the same. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::accounts {

inline constexpr std::size_t kNameBytesMax = 32;
inline constexpr std::size_t kEmailBytesMax = 254;  // RFC 5321, section 4.5.3.1.3.

// 2 to 32 ASCII letters, digits, dots, dashes and underlines, a letter or digit first: names that
// look alike are not told apart, and none can be mistaken for a mail address. nullopt: not allowed.
std::optional<std::string> NameKey(std::string_view name);

// As much of RFC 5321 as mail servers take: one @, a domain with a dot, no white space, no control
// or quoting characters. Folded to lower case. nullopt: not allowed.
std::optional<std::string> EmailKey(std::string_view email);

// "a@b.example" -> "b.example".
std::string_view DomainOf(std::string_view email_key);

}  // namespace holdfast::accounts
