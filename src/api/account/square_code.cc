#include "api/account/square_code.h"

#include <exception>

#include <fmt/format.h>
#include <qrcodegen/qrcodegen.hpp>

namespace holdfast::api {

std::string SquareCodeSvg(std::string_view text) {
  constexpr int kQuiet = 4;  // Modules of white around it (ISO/IEC 18004).
  try {
    const std::string copy(text);
    const qrcodegen::QrCode code =
        qrcodegen::QrCode::encodeText(copy.c_str(), qrcodegen::QrCode::Ecc::MEDIUM);
    const int side = code.getSize() + 2 * kQuiet;
    std::string path;
    for (int y = 0; y < code.getSize(); ++y) {
      for (int x = 0; x < code.getSize(); ++x) {
        if (code.getModule(x, y)) path += fmt::format("M{},{}h1v1h-1z", x + kQuiet, y + kQuiet);
      }
    }
    return fmt::format(
        R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {0}" shape-rendering="crispEdges">)"
        R"(<path fill="#fff" d="M0,0h{0}v{0}h-{0}z"/><path fill="#000" d="{1}"/></svg>)",
        side, path);
  } catch (const std::exception&) {
    return "";
  }
}

}  // namespace holdfast::api
