// What a session says of where it was begun, for its owner's list: "Firefox on Linux". Only words
// of a closed list: what a client says of itself is not repeated. Pure.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::api {

std::string DeviceOf(std::string_view user_agent);

}  // namespace holdfast::api
