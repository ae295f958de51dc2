// The instance key: the one key that wraps all others of an instance. Without it nothing that was
// stored can be read, so it is exported under a passphrase and kept apart from the data. It lies in
// a file of 32 random bytes for its owner alone, or comes from systemd as the credential
// "holdfast-instance-key". Free functions; thread-safe.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/password_hash.h"
#include "crypto/sealed.h"

namespace holdfast::crypto {

inline constexpr std::string_view kInstanceKeyCredential = "holdfast-instance-key";

// $CREDENTIALS_DIRECTORY, where systemd says it.
std::optional<std::filesystem::path> CredentialsFolder();

// The credential if the folder has one, which then must be sound; else the key in the file, which
// is made where there is none, whole or not at all. Errors: kCorrupt when its size is not 32 bytes;
// kPermissionDenied when others may read it; kIo and others of the system.
[[nodiscard]] Result<DataKey> LoadOrMakeInstanceKey(
    const std::filesystem::path& path,
    const std::optional<std::filesystem::path>& credentials_folder = CredentialsFolder());

// A text file that says what it is and for which key, to be printed or kept on another disk. Its
// strength is that of the passphrase. Errors: kInvalidArgument (no passphrase) and as of DeriveKey.
[[nodiscard]] Result<std::string> ExportInstanceKey(const DataKey& key, const Secret& passphrase,
                                                    const PasswordCost& cost);

inline constexpr std::size_t kInstanceKeyExportBytesMax = 4096;

// Takes any text. Errors: kCorrupt (no export, or damaged so that it cannot be read), kUnsupported
// (of a later version), kPermissionDenied (another passphrase, or something in it was changed).
[[nodiscard]] Result<DataKey> ImportInstanceKey(std::string_view text, const Secret& passphrase);

// Puts a key, as it was imported, where LoadOrMakeInstanceKey finds it. kAlreadyExists when there
// is a file: a key is never overwritten.
[[nodiscard]] Result<void> PlaceInstanceKey(const std::filesystem::path& path, const DataKey& key);

}  // namespace holdfast::crypto
