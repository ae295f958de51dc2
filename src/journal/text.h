// A row as a line, for people and for programs. Free functions.
#pragma once

#include <string>

#include "journal/row.h"

namespace holdfast::journal {

// "2026-11-30T18:15:55.123456Z asked id=8589934593 route=chat ...": what is 0, none or false is
// left out.
std::string ToText(const Row& row);
// One object with the same words: hashes are strings of 16 hexadecimal digits, ids are strings,
// durations are in milliseconds, times in microseconds since 1970.
std::string ToJson(const Row& row);

}  // namespace holdfast::journal
