#include "accounts/names.h"

#include <algorithm>

namespace holdfast::accounts {
namespace {

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsDomain(std::string_view domain) {
  if (domain.find('.') == std::string_view::npos || domain.find("..") != std::string_view::npos) {
    return false;
  }
  if (!IsLetterOrDigit(domain.front()) || !IsLetterOrDigit(domain.back())) return false;
  return std::ranges::all_of(domain,
                             [](char c) { return IsLetterOrDigit(c) || c == '.' || c == '-'; });
}

}  // namespace

std::optional<std::string> NameKey(std::string_view name) {
  constexpr std::size_t kBytesMin = 2;
  if (name.size() < kBytesMin || name.size() > kNameBytesMax || !IsLetterOrDigit(name.front())) {
    return std::nullopt;
  }
  const bool is_allowed = std::ranges::all_of(
      name, [](char c) { return IsLetterOrDigit(c) || c == '.' || c == '-' || c == '_'; });
  if (!is_allowed) return std::nullopt;
  return Lower(name);
}

std::optional<std::string> EmailKey(std::string_view email) {
  constexpr std::size_t kLocalBytesMax = 64;
  constexpr std::string_view kLocalMarks = ".!#$%&'*+/=?^_`{|}~-";
  if (email.size() > kEmailBytesMax) return std::nullopt;
  const std::size_t at = email.find('@');
  if (at == std::string_view::npos || at == 0 || at > kLocalBytesMax || at + 3 > email.size()) {
    return std::nullopt;
  }
  const std::string_view local = email.substr(0, at);
  const bool is_local = std::ranges::all_of(local, [&](char c) {
    return IsLetterOrDigit(c) || kLocalMarks.find(c) != std::string_view::npos;
  });
  if (!is_local || local.front() == '.' || local.back() == '.') return std::nullopt;
  if (!IsDomain(email.substr(at + 1))) return std::nullopt;
  return Lower(email);
}

std::string_view DomainOf(std::string_view email_key) {
  return email_key.substr(email_key.find('@') + 1);
}

}  // namespace holdfast::accounts
