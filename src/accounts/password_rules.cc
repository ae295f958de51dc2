#include "accounts/password_rules.h"

#include <algorithm>
#include <vector>

#include <zxcvbn.h>

#include "accounts/common_passwords.h"

namespace holdfast::accounts {
namespace {

// zxcvbn takes a time that grows with the square of the length; what follows can only help.
constexpr std::size_t kLookedAtBytes = 100;

std::size_t CharacterCount(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

double Bits(std::string_view password, std::span<const std::string> known) {
  std::vector<const char*> words;
  for (const std::string& word : known) words.push_back(word.c_str());
  words.push_back(nullptr);
  std::string text(password.substr(0, kLookedAtBytes));
  const double bits = ZxcvbnMatch(text.c_str(), words.data(), nullptr);
  Secret::Wipe(text);
  return bits;
}

}  // namespace

Outcome<void> CheckPassword(const Secret& password, std::span<const std::string> known) {
  const std::string_view text = password.Reveal();
  if (text.size() > kPasswordBytesMax) {
    return Refuse(Reason::kWeakPassword, "A password may have 1024 bytes at most.");
  }
  if (text.find('\0') != std::string_view::npos) {
    return Refuse(Reason::kWeakPassword, "A password may not hold a NUL character.");
  }
  if (CharacterCount(text) < kPasswordLengthMin) {
    return Refuse(Reason::kWeakPassword, "A password needs at least 15 characters.");
  }
  if (IsCommonPassword(text)) {
    return Refuse(
        Reason::kWeakPassword,
        "Many people have chosen this password, so it is among the first that are tried.");
  }
  if (Bits(text, known) < kPasswordBitsMin) {
    return Refuse(Reason::kWeakPassword,
                  "This password is too easy to guess. Four unrelated words are a good one.");
  }
  return {};
}

}  // namespace holdfast::accounts
