// The sets behind \p{..} and (?i) in pre-tokenizer patterns, as Oniguruma has them in
// Unicode 16. Free functions, thread-safe.
#pragma once

#include <string_view>

#include "tokenizer/code_point_set.h"

namespace holdfast::tokenizer {

// General categories ("L", "Lu", "LC", "Uppercase_Letter"), scripts ("Han"; without the script's
// extensions), "Any", "Alphabetic" and "White_Space", whatever their case, spaces, '_' and '-'.
// Null if the name is none of these.
const CodePointSet* FindUnicodeProperty(std::string_view name);

// The set with all that differs from a member only in case. One code point at a time: "ss" is not
// counted as the other case of U+00DF.
CodePointSet WithOtherCases(const CodePointSet& set);

}  // namespace holdfast::tokenizer
