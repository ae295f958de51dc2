// A key ring together with the file of its instance key, so that the key can be changed for another
// while the service runs and no crash parts the two. The new key lies beside the old one, in
// FILE.next, from before the first slot is rewrapped until it takes the old one's place. Free
// functions; one RotateInstanceKey at a time, other uses of the ring may go on.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "base/result.h"
#include "crypto/instance_key.h"
#include "crypto/key_ring.h"

namespace holdfast::crypto {

struct KeyFiles {
  std::filesystem::path ring;
  std::filesystem::path instance_key;
  std::optional<std::filesystem::path> credentials_folder = CredentialsFolder();
};

// The ring with the instance key that opens it; both are made where there is neither. When
// `is_rotating` the last rotation was cut off: all works, and RotateInstanceKey goes on with it.
// Errors: kNotFound when there is a ring and no key (no new key is made, which could open nothing:
// import the old one); others as of KeyRing::Open and LoadOrMakeInstanceKey.
[[nodiscard]] Result<std::unique_ptr<KeyRing>> OpenKeyRing(const KeyFiles& files,
                                                           const KeyRingOptions& options = {});

// Wraps all keys by a new instance key, which then takes the old one's place; the old one is
// overwritten. An export of the old key opens only copies made before. Errors: kFailedPrecondition
// when the key is a credential, which only systemd can change; others as of KeyRing::Rotate, and
// then it may be called again.
[[nodiscard]] Result<RotateSummary> RotateInstanceKey(KeyRing& ring, const KeyFiles& files);

}  // namespace holdfast::crypto
