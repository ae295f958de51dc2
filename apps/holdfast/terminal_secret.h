// A secret that somebody types: read from the terminal without showing it, or from the first line
// of a file. Never from the arguments, which every user of the machine can read. Main thread.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace holdfast {

inline constexpr std::size_t kTypedBytesMax = 1024;

// What is typed at the terminal of this process, whatever its input and output are. Errors:
// kFailedPrecondition (there is no terminal), kTooLarge, kIo.
[[nodiscard]] Result<Secret> AskSecret(std::string_view prompt);

// The first line of a file. Errors: kNotFound, kInvalidArgument (it is empty), kTooLarge, kIo.
[[nodiscard]] Result<Secret> ReadSecretFile(const std::filesystem::path& path);

}  // namespace holdfast
