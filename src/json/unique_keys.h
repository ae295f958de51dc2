// Whether an object names a member twice. Parse keeps the last of two; another reader may keep the
// first, so where two readers must see the same (what is signed), such a text is refused whole.
// Free function; thread-safe.
#pragma once

#include <string_view>

#include "json/json.h"

namespace holdfast::json {

// As Parse, and kInvalidArgument when any object in the text has two members of one name.
[[nodiscard]] Result<Value> ParseUnique(std::string_view text, const Limits& limits = {});

}  // namespace holdfast::json
