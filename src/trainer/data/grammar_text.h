// Grammar text: the small syntax inside template texts — brackets, choices, forms of a word.
// Free functions; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::trainer {

// Position after the bracket that closes the one at `open`, or npos.
std::size_t FindClose(std::string_view text, std::size_t open);

// Splits at the `|` outside of inner brackets.
std::vector<std::string_view> SplitChoices(std::string_view text);

// A reference as written between braces.
struct GrammarReference {
  std::string form;      // "a", "spell", ... or empty.
  std::string variable;  // In the spelling of the names, without a capital.
  std::string field;     // After the dot; may be empty.
  bool is_capital = false;
};
GrammarReference ParseReference(std::string_view written);

// The forms of `{form name}`: a, A, spell, length, upper, lower, initial, final.
bool IsForm(std::string_view form);
std::string ApplyForm(std::string_view form, const std::string& text);

// "a" or "an" for a word, by its spelling with the common exceptions ("hour", "unicorn").
std::string_view ArticleFor(std::string_view word);

}  // namespace holdfast::trainer
