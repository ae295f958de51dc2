// Names for requests and answers. Not secrets: a session or a key is made elsewhere. Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::api {

// Prefix and 128 random bits.
std::string NewId(std::string_view prefix);

}  // namespace holdfast::api
