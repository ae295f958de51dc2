// A QR code as an SVG image of its own. Pure.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::api {

// `text` has at most some 2,000 bytes; empty: it does not fit a code.
std::string SquareCodeSvg(std::string_view text);

}  // namespace holdfast::api
