// Message: a mail of plain text, and its form on the wire (RFC 5322). Value types; thread-safe.
//
// The body is quoted-printable: every text has lines that any server takes, whether or not it takes
// 8-bit bytes and however long the text's own lines are, and a line of one dot is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::mail {

struct Message {
  // The same each time it is tried, so that who got it twice can tell: letters, digits, "-" and
  // "_".
  std::string id;
  std::string to;
  std::string subject;
  std::string text;             // UTF-8, lines end with '\n'.
  std::int64_t written_at = 0;  // Milliseconds since 1970.
};

inline constexpr std::size_t kAddressBytesMax = 254;
inline constexpr std::size_t kSubjectBytesMax = 512;
inline constexpr std::size_t kTextBytesMax = std::size_t{1} << 20;

// Errors: kInvalidArgument for what is no plain address, "ada@chat.example" in ASCII. The message
// does not repeat it.
[[nodiscard]] Result<void> CheckAddress(std::string_view address);
// What stands after the '@' of an address.
std::string_view DomainOf(std::string_view address);

// Head and body with CRLF. A text that does not end with a line's end gets one. Errors:
// kInvalidArgument (an address; a control character in the subject; the id), kTooLarge.
[[nodiscard]] Result<std::string> Compose(const Message& message, std::string_view from);

}  // namespace holdfast::mail
