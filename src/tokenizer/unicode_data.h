// What is known of Unicode 16 code points: categories, scripts, case folding. The version is the
// one of Hugging Face's tokenizers (Oniguruma), so that a text gives the same tokens here and
// there, whatever PCRE2 is installed. Constant tables as text, written by tools/unicode_data.mjs;
// read them through unicode_property.h.
#pragma once

#include <span>
#include <string_view>

namespace holdfast::tokenizer {

struct UnicodeProperty {
  std::string_view name;  // The long name, as "Lowercase_Letter" and "Han".
  // The code points that have it in runs, in order: the gap before each run and its length.
  std::string_view gaps_and_lengths;
};

// The 28 general categories of assigned code points that text can have.
std::span<const UnicodeProperty> UnicodeCategories();
std::span<const UnicodeProperty> UnicodeScripts();
// Other_Alphabetic and White_Space.
std::span<const UnicodeProperty> UnicodeBinaryProperties();
// Runs of simple case folds: first code point, count, stride, distance to the folded code point.
std::string_view UnicodeCaseFolds();

}  // namespace holdfast::tokenizer
