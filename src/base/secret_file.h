// ReadSecretLine: a secret that an operator keeps in a file of its own: a key, a password. No
// buffer of a library keeps a copy. Thread-safe; blocks.
#pragma once

#include <cstddef>
#include <filesystem>

#include "base/result.h"
#include "base/secret.h"

namespace holdfast {

inline constexpr std::size_t kSecretFileBytesMax = 4096;

// The first line, without blanks around it. Errors: kNotFound, kPermissionDenied, kIo, kTooLarge,
// kInvalidArgument (empty, or a control character in it); they name the file, never what is in it.
[[nodiscard]] Result<Secret> ReadSecretLine(const std::filesystem::path& path);

}  // namespace holdfast
