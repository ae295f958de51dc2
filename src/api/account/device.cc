#include "api/account/device.h"

#include <array>
#include <utility>

namespace holdfast::api {
namespace {

using Word = std::pair<std::string_view, std::string_view>;

// The first that is found counts: most browsers also name those that they want to be taken for.
constexpr std::array<Word, 9> kMakes = {{{"Edg", "Edge"},
                                         {"OPR/", "Opera"},
                                         {"Firefox/", "Firefox"},
                                         {"HeadlessChrome", "Chrome"},
                                         {"Chrome/", "Chrome"},
                                         {"Safari/", "Safari"},
                                         {"curl/", "curl"},
                                         {"python", "Python"},
                                         {"node", "Node"}}};
constexpr std::array<Word, 6> kSystems = {{{"Android", "Android"},
                                           {"iPhone", "iPhone"},
                                           {"iPad", "iPad"},
                                           {"Windows", "Windows"},
                                           {"Mac OS X", "macOS"},
                                           {"Linux", "Linux"}}};

template <std::size_t count>
std::string_view FirstOf(const std::array<Word, count>& words, std::string_view text) {
  for (const auto& [mark, word] : words) {
    if (text.find(mark) != std::string_view::npos) return word;
  }
  return {};
}

}  // namespace

std::string DeviceOf(std::string_view user_agent) {
  const std::string_view make = FirstOf(kMakes, user_agent);
  const std::string_view system = FirstOf(kSystems, user_agent);
  std::string device(make.empty() ? "A program" : make);
  if (!system.empty()) device.append(" on ").append(system);
  return device;
}

}  // namespace holdfast::api
