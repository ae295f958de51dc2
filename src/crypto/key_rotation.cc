#include "crypto/key_rotation.h"

#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include "crypto/owned_file.h"
#include "crypto/random.h"

namespace holdfast::crypto {
namespace {

std::filesystem::path NextOf(const KeyFiles& files) {
  std::filesystem::path next = files.instance_key;
  return next += ".next";
}

bool Exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

bool HasCredential(const KeyFiles& files) {
  return files.credentials_folder && Exists(*files.credentials_folder / kInstanceKeyCredential);
}

// Nothing needs the old key any more. Its bytes go first; a crash in between leaves the new one,
// which is tried first.
Result<void> PutNextInPlace(const KeyFiles& files) {
  if (Exists(files.instance_key)) {
    TRY_ASSIGN(const Descriptor old, OpenOwned(files.instance_key, O_WRONLY));
    TRY(WriteAt(old.number(), files.instance_key, RandomBytes(DataKey::kBytes), 0));
    TRY(SyncFile(old.number(), files.instance_key));
  }
  if (std::rename(NextOf(files).c_str(), files.instance_key.c_str()) != 0) {
    return Fail(ErrnoError("rename to " + files.instance_key.string()));
  }
  return SyncFolderOf(files.instance_key);
}

}  // namespace

Result<std::unique_ptr<KeyRing>> OpenKeyRing(const KeyFiles& files, const KeyRingOptions& options) {
  const std::filesystem::path next = NextOf(files);
  const bool has_next = !HasCredential(files) && Exists(next);
  if (has_next && Exists(files.ring)) {
    TRY_ASSIGN(DataKey key, LoadOrMakeInstanceKey(next, std::nullopt));
    Result<std::unique_ptr<KeyRing>> ring = KeyRing::Open(files.ring, std::move(key), options);
    if (ring && !(*ring)->is_rotating()) TRY(PutNextInPlace(files));
    // Else nothing was wrapped by it yet, and the ring says below what else may be wrong.
    if (ring || ring.error().code != ErrorCode::kPermissionDenied) return ring;
  }
  if (Exists(files.ring) && !HasCredential(files) && !Exists(files.instance_key)) {
    return Fail(ErrorCode::kNotFound, "{}: the instance key of {} is not there; import its export",
                files.instance_key.string(), files.ring.string());
  }
  TRY_ASSIGN(DataKey key, LoadOrMakeInstanceKey(files.instance_key, files.credentials_folder));
  return KeyRing::Open(files.ring, std::move(key), options);
}

Result<RotateSummary> RotateInstanceKey(KeyRing& ring, const KeyFiles& files) {
  if (ring.is_rotating() && (HasCredential(files) || !Exists(NextOf(files)))) {
    // A copy of a ring that was being rotated, opened by the new key, which is in its place
    // already.
    TRY_ASSIGN(DataKey key, LoadOrMakeInstanceKey(files.instance_key, files.credentials_folder));
    return ring.Rotate(std::move(key));
  }
  if (HasCredential(files)) {
    return Fail(ErrorCode::kFailedPrecondition,
                "the instance key is a credential of systemd, which only systemd can change");
  }
  TRY_ASSIGN(DataKey key, LoadOrMakeInstanceKey(NextOf(files), std::nullopt));
  TRY_ASSIGN(const RotateSummary summary, ring.Rotate(std::move(key)));
  TRY(PutNextInPlace(files));
  return summary;
}

}  // namespace holdfast::crypto
