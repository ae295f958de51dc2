// The bytes of a key ring's file (docs/formats/key-ring.md): two copies of a header, then slots of
// one size. Pure functions on bytes, which may be any; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/sealed.h"

namespace holdfast::crypto::key_ring_format {

inline constexpr std::size_t kHeaderBytes = 512;  // A sector, so that a copy is written as one.
inline constexpr int kHeaderCopies = 2;
inline constexpr std::size_t kSlotsBegin = 4096;
inline constexpr std::size_t kSlotBytes = 256;
inline constexpr std::size_t kAccountIdBytesMax = 32;
inline constexpr std::size_t kWrapBytes = 96;

// What the key before is sealed for, in the header.
inline constexpr std::string_view kKeyBeforePlace = "key-ring:key before";

struct Header {
  std::uint64_t sequence = 1;    // Of two copies the higher counts.
  std::uint32_t generation = 1;  // Of the instance key with `key_id`.
  std::string key_id;
  // While keys are rewrapped for the next generation: its key, and under it the one before.
  bool is_rotating = false;
  std::string next_key_id;
  std::string sealed_key;

  bool operator==(const Header&) const = default;
};

std::string WriteHeader(const Header& header);
// kCorrupt, or kUnsupported when it is whole but of a later version.
[[nodiscard]] Result<Header> ParseHeader(std::string_view bytes);

struct Headers {
  Header newest;  // The one that counts.
  bool are_equal = false;
};
// Both copies, from the beginning of the file. A crash while they were written leaves two that
// differ. kUnsupported when either is of a later version.
[[nodiscard]] Result<Headers> ParseHeaders(std::string_view bytes);

enum class SlotState {
  kFree,     // Never used, destroyed, or torn before it was acknowledged.
  kUsed,     // An account with a key wrapped under one generation at least.
  kDamaged,  // A wrapped key of an account that is not known any more. Kept as it is.
};

struct Slot {
  SlotState state = SlotState::kFree;
  std::string account_id;
};

// The whole slot of an account whose key is wrapped under `generation`.
std::string WriteSlot(std::string_view account_id, const DataKey& account_key,
                      std::uint32_t generation, const DataKey& wrapping);
// Shorter bytes, at the end of a file, are as if zeros came after them.
Slot ParseSlot(std::string_view bytes);

// A slot has room for two: keys of even and of odd generations, so that a new one is written while
// the one before stays. Where in the slot that of a generation lies:
std::size_t WrapOffset(std::uint32_t generation);
std::string WriteWrap(std::string_view account_id, const DataKey& account_key,
                      std::uint32_t generation, const DataKey& wrapping);
// There is a whole one of that generation.
bool HasWrap(std::string_view slot, std::uint32_t generation);
// kCorrupt when there is none, or it does not open.
[[nodiscard]] Result<DataKey> OpenWrap(std::string_view slot, std::string_view account_id,
                                       std::uint32_t generation, const DataKey& wrapping);

}  // namespace holdfast::crypto::key_ring_format
