// What an operator does with the file of the instance key: keeps an export of it, and puts it back.
// (Changing it for a new one: admin.h.) Free functions; they block.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "server/config.h"

namespace holdfast::server {

// Into a file for its owner alone, which must not be there yet. Returns the key's id. The service
// may run. Errors: kNotFound (there is no key), kAlreadyExists (the file), kInvalidArgument (an
// empty passphrase).
[[nodiscard]] Result<std::string> ExportKey(const Config& config, const std::filesystem::path& file,
                                            const Secret& passphrase);

// To where the service finds it. Returns the key's id. Errors: kNotFound (the file), kAlreadyExists
// (there is a key), kFailedPrecondition (the key ring here needs another key), those of
// crypto::ImportInstanceKey.
[[nodiscard]] Result<std::string> ImportKey(const Config& config, const std::filesystem::path& file,
                                            const Secret& passphrase);

}  // namespace holdfast::server
