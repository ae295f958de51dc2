#include "server/instance_keys.h"

#include <chrono>
#include <memory>
#include <span>
#include <utility>

#include <fcntl.h>

#include "crypto/encoding.h"
#include "crypto/instance_key.h"
#include "crypto/key_ring_copy.h"
#include "crypto/key_rotation.h"
#include "crypto/owned_file.h"
#include "crypto/password_hash.h"
#include "server/account_office.h"
#include "server/run_files.h"

namespace holdfast::server {
namespace {

namespace fs = std::filesystem;

// An export is opened rarely, and guessed at for as long as it lies somewhere.
constexpr std::chrono::milliseconds kExportTime{1'000};
constexpr std::size_t kExportMemoryMax = std::size_t{256} << 20;

Result<crypto::KeyFiles> Files(const Config& config) {
  TRY_ASSIGN(const fs::path state_dir, MakeStateDir(config.up));
  return KeyFilesIn(state_dir);
}

bool Exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// The key that is there; none is made.
Result<crypto::DataKey> LoadKey(const crypto::KeyFiles& files) {
  const bool has_credential = files.credentials_folder &&
                              Exists(*files.credentials_folder / crypto::kInstanceKeyCredential);
  if (!has_credential && !Exists(files.instance_key)) {
    return Fail(ErrorCode::kNotFound, "there is no instance key {}", files.instance_key.string());
  }
  return crypto::LoadOrMakeInstanceKey(files.instance_key, files.credentials_folder);
}

std::string IdOf(const crypto::DataKey& key) { return crypto::EncodeHex(crypto::KeyId(key)); }

// Which key the ring that is there opens with; nullopt: there is no ring.
Result<std::optional<std::string>> RingKeyId(const fs::path& ring) {
  if (!Exists(ring)) return std::nullopt;
  TRY_ASSIGN(
      const crypto::KeyRingFacts facts,
      crypto::CopyKeyRing(ring, [](std::int64_t, std::string_view) { return Result<void>(); }));
  return facts.instance_key_id;
}

Result<std::string> ReadExport(const fs::path& file) {
  const crypto::Descriptor open(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!open.is_open()) return Fail(ErrnoError("open " + file.string()));
  std::string text(crypto::kInstanceKeyExportBytesMax + 1, '\0');  // A longer one is refused.
  TRY_ASSIGN(const std::size_t count,
             crypto::ReadAt(open.number(), file, std::as_writable_bytes(std::span(text)), 0));
  text.resize(count);
  return text;
}

}  // namespace

Result<std::string> ExportKey(const Config& config, const fs::path& file,
                              const Secret& passphrase) {
  TRY_ASSIGN(const crypto::KeyFiles files, Files(config));
  TRY_ASSIGN(const crypto::DataKey key, LoadKey(files));
  const crypto::PasswordCost cost = crypto::CalibrateCost(kExportTime, kExportMemoryMax);
  TRY_ASSIGN(const std::string text, crypto::ExportInstanceKey(key, passphrase, cost));
  TRY(crypto::MakeOwned(file, text));
  return IdOf(key);
}

Result<std::string> ImportKey(const Config& config, const fs::path& file,
                              const Secret& passphrase) {
  TRY_ASSIGN(const crypto::KeyFiles files, Files(config));
  TRY_ASSIGN(const std::string text, ReadExport(file));
  TRY_ASSIGN(const crypto::DataKey key, crypto::ImportInstanceKey(text, passphrase));
  TRY_ASSIGN(const std::optional<std::string> needed, RingKeyId(files.ring));
  if (needed && *needed != IdOf(key)) {
    return Fail(ErrorCode::kFailedPrecondition, "{} needs the instance key {}, this one is {}",
                files.ring.string(), *needed, IdOf(key));
  }
  TRY(crypto::PlaceInstanceKey(files.instance_key, key));
  return IdOf(key);
}

}  // namespace holdfast::server
