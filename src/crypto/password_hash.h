// Passwords as they may be stored: Argon2id (RFC 9106) with a salt of its own, as the text that
// other tools read too ("$argon2id$v=19$m=...,t=...,p=1$salt$hash"). Each call takes the whole
// memory and time of its cost, so the caller limits how many run at once. Free functions;
// thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/sealed.h"

namespace holdfast::crypto {

// What OWASP's cheat sheet on password storage calls the least for Argon2id with one lane.
inline constexpr std::uint64_t kPasswordPassesMin = 2;
inline constexpr std::size_t kPasswordMemoryMin = std::size_t{19} << 20;
// Beyond these a stored text is damaged, or somebody else's: it is not computed.
inline constexpr std::uint64_t kPasswordPassesMax = 64;
inline constexpr std::size_t kPasswordMemoryMax = std::size_t{1} << 30;
inline constexpr std::size_t kPasswordBytesMax = 1024;

struct PasswordCost {
  std::uint64_t opslimit = kPasswordPassesMin;  // Passes over the memory.
  std::size_t memlimit = kPasswordMemoryMin;    // Bytes.
  bool operator==(const PasswordCost&) const = default;
};

// The dearest cost that this machine computes within `target`: first as much memory, in doublings
// of the minimum, up to `memory_max`; then as many passes. Never below the minimum, however slow
// the machine or small `memory_max`. Takes a few times `target` to measure.
PasswordCost CalibrateCost(std::chrono::milliseconds target, std::size_t memory_max);
// The same with the measuring given: how long a hash at that cost takes.
using MeasureCost = std::function<std::chrono::microseconds(const PasswordCost&)>;
PasswordCost ChooseCost(std::chrono::milliseconds target, std::size_t memory_max,
                        const MeasureCost& measure);

// A cost below the minimum is for tests; the least is one pass over 8 KiB. Errors: kTooLarge (over
// kPasswordBytesMax), kOutOfRange (the cost), kResourceExhausted (the memory cannot be had).
[[nodiscard]] Result<std::string> HashPassword(const Secret& password, const PasswordCost& cost);

// False also when `hash` is no hash of ours, its cost is over the maximum, or the memory cannot be
// had: who cannot be checked is not let in.
[[nodiscard]] bool VerifyPassword(std::string_view hash, const Secret& password);

// The hash took less memory or fewer passes than `cost`, or is none: after the next log-in that
// succeeds it is to be made anew.
[[nodiscard]] bool NeedsRehash(std::string_view hash, const PasswordCost& cost);

// A hash that no password fits, made at once. VerifyPassword with it costs as much as with a real
// one, so that a log-in's time does not tell whether the name exists.
std::string DummyHash(const PasswordCost& cost);

// A key from a passphrase and a salt of kPassphraseSaltBytes, the same each time, for what is
// sealed under it. Errors as of HashPassword.
inline constexpr std::size_t kPassphraseSaltBytes = 16;
[[nodiscard]] Result<DataKey> DeriveKey(const Secret& passphrase, std::string_view salt,
                                        const PasswordCost& cost);

}  // namespace holdfast::crypto
