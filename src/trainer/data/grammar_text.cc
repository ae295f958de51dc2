#include "trainer/data/grammar_text.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

namespace holdfast::trainer {
namespace {

char Lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

}  // namespace

// Position after the bracket that closes the one at `open`, or npos.
std::size_t FindClose(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      ++i;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if ((c == ')' || c == ']' || c == '}') && --depth == 0) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

std::vector<std::string_view> SplitChoices(std::string_view text) {
  std::vector<std::string_view> choices;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == '|' && depth == 0)) {
      choices.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    } else if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '(' || text[i] == '[' || text[i] == '{') {
      ++depth;
    } else if (text[i] == ')' || text[i] == ']' || text[i] == '}') {
      --depth;
    }
  }
  return choices;
}

GrammarReference ParseReference(std::string_view written) {
  GrammarReference reference;
  if (const std::size_t space = written.find(' '); space != std::string_view::npos) {
    reference.form = written.substr(0, space);
    reference.is_capital = reference.form == "A";
    written.remove_prefix(space + 1);
  }
  if (!written.empty() && written[0] >= 'A' && written[0] <= 'Z') reference.is_capital = true;
  const std::size_t dot = std::min(written.find('.'), written.size());
  reference.variable = written.substr(0, dot);
  if (!reference.variable.empty()) reference.variable[0] = Lower(reference.variable[0]);
  if (dot < written.size()) reference.field = written.substr(dot + 1);
  return reference;
}

bool IsForm(std::string_view form) {
  static constexpr std::array<std::string_view, 8> kForms = {"a",     "A",     "spell",   "length",
                                                             "upper", "lower", "initial", "final"};
  return std::find(kForms.begin(), kForms.end(), form) != kForms.end();
}

std::string ApplyForm(std::string_view form, const std::string& text) {
  if (form == "a" || form == "A") return std::string(ArticleFor(text)) + " " + text;
  std::string result;
  if (form == "upper" || form == "lower") {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      result += static_cast<char>(form == "upper" ? std::toupper(byte) : std::tolower(byte));
    }
    return result;
  }
  if (text.empty()) return text;
  if (form == "initial") return std::string(1, text.front());
  if (form == "final") return std::string(1, text.back());
  if (form == "length") return fmt::format("{}", text.size());
  for (const char c : text) {  // "spell"
    if (!result.empty()) result += '-';
    result += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return result;
}

std::string_view ArticleFor(std::string_view word) {
  static constexpr std::array<std::string_view, 9> kConsonantSound = {
      "uni", "use", "euro", "one", "once", "ukulele", "ufo", "ewe", "eucalyptus"};
  static constexpr std::array<std::string_view, 3> kVowelSound = {"hour", "honest", "heir"};
  std::string lower(word.substr(0, 12));
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  for (const std::string_view prefix : kVowelSound) {
    if (lower.starts_with(prefix)) return "an";
  }
  for (const std::string_view prefix : kConsonantSound) {
    if (lower.starts_with(prefix) && !lower.starts_with("unin") && !lower.starts_with("unim")) {
      return "a";
    }
  }
  return !lower.empty() && std::string_view("aeiou8").find(lower[0]) != std::string_view::npos
             ? "an"
             : "a";
}

}  // namespace holdfast::trainer
