// What the text of a special token says of it. Free functions, thread-safe.
#pragma once

#include <string_view>

namespace holdfast::tokenizer {

// True for <|...|> and <｜...｜>: these frame turns and tools whatever a file calls them
// (DeepSeek-V3 lists <｜User｜> as an ordinary added token), so a reader must not see them.
inline bool LooksLikeControl(std::string_view text) {
  return (text.starts_with("<|") && text.ends_with("|>") && text.size() > 4) ||
         (text.starts_with("<｜") && text.ends_with("｜>") && text.size() > 8);
}

}  // namespace holdfast::tokenizer
