#include "accounts/common_passwords.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/secret.h"

// HOLDFAST_COMMON_PASSWORDS is the path of common_passwords.txt.
asm(".section .rodata\n"
    "holdfast_common_passwords:\n"
    ".incbin \"" HOLDFAST_COMMON_PASSWORDS
    "\"\n"
    "holdfast_common_passwords_end:\n"
    ".previous\n");
extern "C" const char holdfast_common_passwords[];
extern "C" const char holdfast_common_passwords_end[];

namespace holdfast::accounts {
namespace {

// In the order of their bytes, as the file has them.
std::vector<std::string_view> ReadLines() {
  std::vector<std::string_view> lines;
  std::string_view text(holdfast_common_passwords, holdfast_common_passwords_end);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

bool IsCommonPassword(std::string_view password) {
  static const std::vector<std::string_view> lines = ReadLines();
  std::string folded(password);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const bool is_common = std::ranges::binary_search(lines, std::string_view(folded));
  Secret::Wipe(folded);
  return is_common;
}

}  // namespace holdfast::accounts
