// Reads an EngineProfile from the TOML that bench/engine_profile_bench prints: a table
// [engine_profile] with a number a line; what is left out stays at its default.
#pragma once

#include <istream>
#include <string>

#include "base/result.h"
#include "verdict/engine/engine_profile.h"

namespace holdfast::drill {

// Errors: kIo, kCorrupt (with the line): an unknown name, not a number, out of range, or an engine
// that would never be done.
[[nodiscard]] Result<verdict::EngineProfile> ReadEngineProfile(const std::string& path);
[[nodiscard]] Result<verdict::EngineProfile> ParseEngineProfile(std::istream& text);

}  // namespace holdfast::drill
