// A copy of a key ring's file, also while a process uses it: for a backup, which holds the wrapped
// keys and never the instance key that opens them. Free functions; thread-safe; no key is needed.
//
// What is copied is a state that the ring could have been left in at one moment by a crash, so it
// opens (docs/formats/key-ring.md):
// - The header that counts is read before the slots and again after them. A rotation changes it
//   before its first slot and after its last one; a copy in between whose header changed begins
//   anew. The copy has this header twice.
// - A piece of slots counts when it was read twice and came out the same. So no slot is torn, and
//   none is seen without its new form before and without its old one after.
// - A key that was made before the copy began, and not destroyed, is in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/owned_file.h"

namespace holdfast::crypto {

// A copy comes in parts of this size, the first and the last one shorter.
inline constexpr std::size_t kKeyRingPartBytes = 256 * 768;
inline constexpr int kKeyRingCopyTriesMax = 8;  // Copies begun anew.
inline constexpr int kKeyRingReadsMax = 1'000;  // Reads of one part until two are the same.

struct KeyRingFacts {
  // Hexadecimal, of the instance key that opens it; an export of that key says the same.
  std::string instance_key_id;
  std::size_t account_count = 0;
  std::size_t damaged_count = 0;
};

// Gives the parts of the file at `path` to `take`, numbered from 0; when it begins anew, from 0
// again, and then what came before is of no use. Errors: those of `take`; kUnavailable when the
// ring did not stay the same for long enough; kNotFound, kCorrupt, kUnsupported, kPermissionDenied,
// kIo.
[[nodiscard]] Result<KeyRingFacts> CopyKeyRing(
    const std::filesystem::path& path,
    const std::function<Result<void>(std::int64_t number, std::string_view bytes)>& take);

// The parts that `next` gives, until it gives nullopt, as the file at `path` once all are there and
// are a key ring. Errors: those of `next`; kAlreadyExists, when something has that name; kCorrupt,
// kUnsupported (the parts); kDiskFull, kIo.
[[nodiscard]] Result<KeyRingFacts> PlaceKeyRing(const std::filesystem::path& path,
                                                const NextPiece& next);

}  // namespace holdfast::crypto
